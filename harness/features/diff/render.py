"""What changed in a sparsifier's behaviour, in plain text and as Markdown: a release note for numerics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ...show.escaping import one_line
from ...show.markdown import code, plain
from .compare import Alone, Comparison, CountChange, Difference, FormChange, MaskChange, Otherwise, OutputChange

Section = tuple[str, list[str]]
_MOST, _NAMED = 12, 3


def differences_told(comparison: Comparison) -> Iterator[str]:
    """What is held against what, how many are the same, then what changed, sparsifier by sparsifier."""
    yield from (f"{side}: {what}" for side, what in sides(comparison))
    yield summary(comparison)
    for one in comparison.differences:
        if not one.is_same or one.counts_elsewhere:
            yield heading(one)
            for title, lines in sections(one):
                yield f"  {title}"
                yield from (f"    {line}" for line in cut(lines, _MOST))
    yield from map(alone_told, comparison.alone)


def differences_markdown(comparison: Comparison) -> str:
    """The same as a page."""
    lines = ["# What changed", ""]
    lines += [f"- {side}: {plain(what)}" for side, what in sides(comparison)]
    lines += ["", f"**{plain(summary(comparison))}**"]
    for one in comparison.differences:
        if not one.is_same or one.counts_elsewhere:
            lines += ["", f"## {plain(heading(one))}"]
            for title, told in sections(one):
                lines += ["", f"### {plain(title)}", "", *(f"- {plain(line)}" for line in cut(told, 4 * _MOST))]
    if comparison.alone:
        lines += ["", "## On one side alone", "", *(f"- {plain(alone_told(one))}" for one in comparison.alone)]
    if not comparison.is_same:
        again = code(f"sparsecheck diff {comparison.before} {comparison.after} --json -")
        lines += ["", f"Again, and in full: {again}"]
    return "\n".join(lines) + "\n"


def sides(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Each side: what it is called, and where it was recorded."""
    for at, (side, label) in enumerate((("A", comparison.before), ("B", comparison.after))):
        made = dict.fromkeys(str(one.made[at]) for one in comparison.differences)
        yield side, one_line(f"{label} ({'; '.join(made)})" if made else label, 400)


def summary(comparison: Comparison) -> str:
    """One line, `nothing changed` if nothing did."""
    every, alone = comparison.differences, len(comparison.alone)
    same, occasions = sum(one.is_same for one in every), sum(one.occasions for one in every)
    if comparison.is_same:
        return f"nothing changed: {_number(same, 'sparsifier')} on {_number(occasions, 'occasion')}"
    on_one_side = f"; {alone} recorded on one side alone" if alone else ""
    return f"{same} of {len(every)} sparsifiers the same, {len(every) - same} changed{on_one_side}"


def heading(one: Difference) -> str:
    """The sparsifier, its package's versions, and whether anything but counts changed."""
    before, after = one.versions
    versions = f"{one.distribution} {before}" + (f" -> {after}" if before != after else "")
    state = "the same, but for counts under another torch" if one.is_same else "changed"
    return one_line(f"{one.sparsifier} ({versions}): {state}", 300)


def sections(one: Difference) -> Iterator[Section]:
    """What changed, by kind: a title, and a line for each change that says on which occasions."""
    forms = {where: [form for form in one.forms if form.where == where] for where in _FORMS}
    named: tuple[tuple[str, Sequence[tuple[str, str]]], ...] = (
        ("otherwise", [(_otherwise(other), other.occasion) for other in one.others]),
        ("masks", [(_mask(mask), f"{mask.occasion} ({mask.stage})") for mask in one.masks]),
        ("outputs", [(_output(output), f"{output.occasion} ({output.stage})") for output in one.outputs]),
        *((_FORMS[where], [(_form(form), form.occasion) for form in found]) for where, found in forms.items()),
        ("counts of one call", [(_count(count), count.occasion) for count in one.counts]),
        ("counts under another torch", [(_count(count), count.occasion) for count in one.counts_elsewhere]),
    )
    yield from ((title, _grouped(pairs)) for title, pairs in named if pairs)


_FORMS = {"mask": "form of masks", "output": "form of outputs", "state dict": "state dict", "sidecar": "sidecar"}


def alone_told(one: Alone) -> str:
    """Which sparsifier is on which side alone."""
    return one_line(f"{one.sparsifier}: recorded in {one.side} alone" + (f" ({one.why})" if one.why else ""), 600)


def cut(lines: Sequence[str], most: int) -> list[str]:
    """The first of them, and how many more there are."""
    more = len(lines) - most
    return [*lines[:most], *([f"and {more} more; --json FILE has them all"] if more > 0 else [])]


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """A line for each text, with where it holds; in the order of first sight."""
    places: dict[str, list[str]] = {}
    for text, place in pairs:
        places.setdefault(text, []).append(place)
    return [one_line(f"{text}{_where(found)}", 600) for text, found in places.items()]


def _where(places: Sequence[str]) -> str:
    named = list(dict.fromkeys(filter(None, places)))
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return f": {', '.join(named[:_NAMED])}{more}" if named else ""


def _mask(one: MaskChange) -> str:
    count = one.now_kept + one.now_removed
    tie = "tied in score" if one.is_tied else "not tied in score"
    return (f"{one.name}: {count} of {one.size} entries ({one.now_kept} now kept, {one.now_removed} now removed), "
            f"first at {one.first}, {tie}")


def _output(one: OutputChange) -> str:
    entries = f"{one.count} of {one.size} entries moved"
    if one.ulp is None:
        return f"{entries}, to or from what is not finite"
    if not one.ulp:
        return f"{entries}, in the sign of a zero alone"
    return f"{entries}, by at most {one.ulp} ULP ({one.largest:.3g})"


def _count(one: CountChange) -> str:
    return f"{one.operation}: {one.operator} {one.before} -> {one.after}"


def _form(one: FormChange) -> str:
    if not one.before:
        return f"{one.name} came, {one.after}"
    return f"{one.name}: {one.before} -> {one.after}" if one.after else f"{one.name} went, it was {one.before}"


def _otherwise(one: Otherwise) -> str:
    return f"{one.what}: {one.before or 'nothing'} -> {one.after or 'nothing'}"


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"

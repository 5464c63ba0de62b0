"""Render a comparison of snapshots as plain text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ...show.escaping import one_line
from ...show.markdown import code, plain
from .differences import (
    Comparison,
    CountChange,
    Difference,
    FormChange,
    MaskChange,
    OneSided,
    OtherChange,
    OutputChange,
)

Section = tuple[str, list[str]]
_MOST, _NAMED = 12, 3


def render_text(comparison: Comparison) -> Iterator[str]:
    """Yield the two sides, a summary, and the changes per sparsifier."""
    yield from (f"{side}: {label}" for side, label in sides(comparison))
    yield summary(comparison)
    for one in comparison.differences:
        if not one.is_same or one.counts_elsewhere:
            yield heading(one)
            for title, lines in sections(one):
                yield f"  {title}"
                yield from (f"    {line}" for line in cut(lines, _MOST))
    yield from map(describe_one_sided, comparison.alone)


def render_markdown(comparison: Comparison) -> str:
    """Return the same as a page, with more lines per kind of change."""
    lines = ["# What changed", ""]
    lines += [f"- {side}: {plain(label)}" for side, label in sides(comparison)]
    lines += ["", f"**{plain(summary(comparison))}**"]
    for one in comparison.differences:
        if not one.is_same or one.counts_elsewhere:
            lines += ["", f"## {plain(heading(one))}"]
            for title, changes in sections(one):
                lines += ["", f"### {plain(title)}", "", *(f"- {plain(line)}" for line in cut(changes, 4 * _MOST))]
    if comparison.alone:
        lines += ["", "## On one side only", "", *(f"- {plain(describe_one_sided(one))}" for one in comparison.alone)]
    if not comparison.is_same:
        again = code(f"sparsecheck diff {comparison.before} {comparison.after} --json -")
        lines += ["", f"Repeat, with all changes: {again}"]
    return "\n".join(lines) + "\n"


def sides(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Yield A and B, each with its label and the environment of its snapshots."""
    for at, (side, label) in enumerate((("A", comparison.before), ("B", comparison.after))):
        environments = dict.fromkeys(str(one.provenance[at]) for one in comparison.differences)
        yield side, one_line(f"{label} ({'; '.join(environments)})" if environments else label, 400)


def summary(comparison: Comparison) -> str:
    """Return the summary in one line, which begins with `nothing changed` if nothing did."""
    every, alone = comparison.differences, len(comparison.alone)
    same, scenarios = sum(one.is_same for one in every), sum(one.scenarios for one in every)
    if comparison.is_same:
        return f"nothing changed: {_number(same, 'sparsifier')} on {_number(scenarios, 'scenario')}"
    on_one_side = f"; {alone} on one side only" if alone else ""
    return f"{same} of {len(every)} sparsifiers the same, {len(every) - same} changed{on_one_side}"


def heading(one: Difference) -> str:
    """Return the sparsifier, the versions of its package, and whether anything but counts changed."""
    before, after = one.versions
    versions = f"{one.distribution} {before}" + (f" -> {after}" if before != after else "")
    state = "unchanged, except for counts under another torch" if one.is_same else "changed"
    return one_line(f"{one.sparsifier} ({versions}): {state}", 300)


def sections(one: Difference) -> Iterator[Section]:
    """Yield the changes by kind: a title, and a line per change that names its scenarios."""
    forms = {where: [form for form in one.forms if form.where == where] for where in _FORMS}
    named: tuple[tuple[str, Sequence[tuple[str, str]]], ...] = (
        ("other changes", [(_other(other), other.scenario) for other in one.others]),
        ("masks", [(_mask(mask), f"{mask.scenario} ({mask.stage})") for mask in one.masks]),
        ("outputs", [(_output(output), f"{output.scenario} ({output.stage})") for output in one.outputs]),
        *((_FORMS[where], [(_form(form), form.scenario) for form in found]) for where, found in forms.items()),
        ("counts of one call", [(_count(count), count.scenario) for count in one.counts]),
        ("counts under another torch", [(_count(count), count.scenario) for count in one.counts_elsewhere]),
    )
    yield from ((title, _grouped(pairs)) for title, pairs in named if pairs)


_FORMS = {
    "mask": "shape and dtype of masks", "output": "shape and dtype of outputs",
    "state dict": "state dict", "sidecar": "sidecar",
}


def describe_one_sided(one: OneSided) -> str:
    """Describe a sparsifier that only one side has."""
    return one_line(f"{one.sparsifier}: only in {one.side}" + (f" ({one.why})" if one.why else ""), 600)


def cut(lines: Sequence[str], most: int) -> list[str]:
    """Return the first `most` lines, and a line with the number of the others."""
    more = len(lines) - most
    return [*lines[:most], *([f"and {more} more; --json FILE has them all"] if more > 0 else [])]


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return one line per distinct text with the scenarios it occurs in, in the order of first occurrence."""
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
    entries = f"{one.count} of {one.size} entries changed"
    if one.ulp is None:
        return f"{entries}, to or from values that are not finite"
    if not one.ulp:
        return f"{entries}, only in the sign of zeros"
    return f"{entries}, by at most {one.ulp} ULP ({one.largest:.3g})"


def _count(one: CountChange) -> str:
    return f"{one.operation}: {one.operator} {one.before} -> {one.after}"


def _form(one: FormChange) -> str:
    if not one.before:
        return f"{one.name}: added, {one.after}"
    return f"{one.name}: {one.before} -> {one.after}" if one.after else f"{one.name}: removed, was {one.before}"


def _other(one: OtherChange) -> str:
    return f"{one.what}: {one.before or 'nothing'} -> {one.after or 'nothing'}"


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"

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


def heading(difference: Difference) -> str:
    """Return the sparsifier, the versions of its package, and whether anything but counts changed."""
    before, after = difference.versions
    versions = f"{difference.distribution} {before}" + (f" -> {after}" if before != after else "")
    state = "unchanged, except for counts under another torch" if difference.is_same else "changed"
    return one_line(f"{difference.sparsifier} ({versions}): {state}", 300)


def sections(difference: Difference) -> Iterator[Section]:
    """Yield the changes by kind: a title, and a line per change that names its scenarios."""
    forms = {where: [form for form in difference.forms if form.where == where] for where in _FORMS}
    named: tuple[tuple[str, Sequence[tuple[str, str]]], ...] = (
        ("other changes", [(_other(other), other.scenario) for other in difference.others]),
        ("masks", [(_mask(mask), f"{mask.scenario} ({mask.stage})") for mask in difference.masks]),
        ("outputs", [(_output(output), f"{output.scenario} ({output.stage})") for output in difference.outputs]),
        *((_FORMS[where], [(_form(form), form.scenario) for form in found]) for where, found in forms.items()),
        ("counts of one call", [(_count(count), count.scenario) for count in difference.counts]),
        ("counts under another torch", [(_count(count), count.scenario) for count in difference.counts_elsewhere]),
    )
    yield from ((title, _grouped(pairs)) for title, pairs in named if pairs)


_FORMS = {
    "mask": "shape and dtype of masks", "output": "shape and dtype of outputs",
    "state dict": "state dict", "sidecar": "sidecar",
}


def describe_one_sided(found: OneSided) -> str:
    """Describe a sparsifier that only one side has."""
    why = f" ({found.why})" if found.why else ""
    return one_line(f"{found.sparsifier}: only in {found.side}{why}", 600)


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


def _mask(change: MaskChange) -> str:
    count = change.now_kept + change.now_removed
    tie = "tied in score" if change.is_tied else "not tied in score"
    parts = f"{change.now_kept} now kept, {change.now_removed} now removed"
    return f"{change.name}: {count} of {change.size} entries ({parts}), first at {change.first}, {tie}"


def _output(change: OutputChange) -> str:
    entries = f"{change.count} of {change.size} entries changed"
    if change.ulp is None:
        return f"{entries}, to or from values that are not finite"
    if not change.ulp:
        return f"{entries}, only in the sign of zeros"
    return f"{entries}, by at most {change.ulp} ULP ({change.largest:.3g})"


def _count(change: CountChange) -> str:
    return f"{change.operation}: {change.operator} {change.before} -> {change.after}"


def _form(change: FormChange) -> str:
    if not change.before:
        return f"{change.name}: added, {change.after}"
    if not change.after:
        return f"{change.name}: removed, was {change.before}"
    return f"{change.name}: {change.before} -> {change.after}"


def _other(change: OtherChange) -> str:
    return f"{change.what}: {change.before or 'nothing'} -> {change.after or 'nothing'}"


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"

"""Render the versions page as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from ...show.escaping import one_line
from ...show.left_out import left_out_lines
from ...show.markdown import code, link_suffix, plain, table_row
from .changes import Change, Kind
from .table import Square, VersionTable

_HEAD = """# Torch versions

Written by `sparsecheck versions` from the reports of runs, one per torch version. Python and numpy change along with
torch: see [the environments](#environments). `sparsecheck explain ID` describes a requirement in full.
"""


def render_markdown(table: VersionTable) -> str:
    """Return the page: results per torch version, then the changes, then the environments."""
    lines = [_HEAD]
    if table.selected:
        lines.append("**Only a selection was judged; the results do not cover the whole catalogue.**\n")
    lines += [f"{plain(line)}\n" for line in left_out_lines(table.left_out)]
    lines += _results(table)
    lines += _not_judged(table)
    lines += ["## What changed, and since which torch\n"]
    lines += [line for kind in Kind for line in _changes(table, kind)] if len(table.releases) > 1 else [_ONE]
    lines += _environments(table)
    return "\n".join(lines).rstrip("\n") + "\n"


_ONE = "There is only one torch version, so there is nothing to compare.\n"


def _results(table: VersionTable) -> Iterator[str]:
    yield "## Results\n"
    yield table_row(("sparsifier", *(f"torch {one.title}" for one in table.releases)))
    yield "|---" * (1 + len(table.releases)) + "|"
    for row in table.rows:
        yield table_row((row.sparsifier, *map(_square, row.squares)))
    yield ""


def _square(square: Square | None) -> str:
    if square is None:
        return "no report"
    return f"{square.result}: {square.counts}" if square.counts else square.result


def _not_judged(table: VersionTable) -> Iterator[str]:
    for row in table.rows:
        for release, square in zip(table.releases, row.squares, strict=True):
            if square is not None and square.problem:
                problem = plain(one_line(square.problem, 1200))
                yield f"{plain(row.sparsifier)} could not be judged on torch {plain(release.title)}: {problem}\n"


def _changes(table: VersionTable, kind: Kind) -> Iterator[str]:
    yield f"### {kind.value[0].upper()}{kind.value[1:]}\n\n{kind.meaning}\n"
    of_kind = [one for one in table.changes if one.kind is kind]
    for change in of_kind:
        yield from _change(change)
    yield "" if of_kind else "None.\n"


def _change(change: Change) -> Iterator[str]:
    names = ", ".join(map(plain, change.sparsifiers))
    step = f"from {change.was.value} (on {plain(change.before.title)}) to {change.now.value}"
    title = f"{plain(change.defect)}** ({change.ids})" if change.defect else f"{change.ids}**"
    yield f"- **{title} since torch {plain(change.since.title)}: {step}. {plain(change.sentence)}".rstrip()
    yield f"  - {names}: {change.count}, {plain(change.axes)}"
    if change.reasons or change.link:
        because = "it had failed because" if change.kind is Kind.FIXED else "because"
        yield f"  - {because}: {plain(one_line(' '.join(change.reasons), 600))}{link_suffix(change.link)}"
    if change.message:
        yield f"  - seen: {plain(one_line(change.message, 300))}"
    if change.package:
        yield f"  - the package changed, too: {plain(change.package)}"
    if change.kind is Kind.BROKE:
        yield f"  - repeat: {code(f'sparsecheck run {change.arguments}')}"


def _environments(table: VersionTable) -> Iterator[str]:
    yield "## Environments\n"
    yield table_row(name for name, _ in table.environments[0])
    yield "|---" * len(table.environments[0]) + "|"
    for facts in table.environments:
        yield table_row(fact or "unknown" for _, fact in facts)

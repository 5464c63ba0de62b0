"""The version matrix as one page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from ...show.escaping import one_line
from ...show.markdown import code, linked, plain, table_row
from .changes import Change, Kind
from .versions import Matrix, Square

_HEAD = """# The version matrix

Written by `sparsecheck matrix` from the reports of runs, one on each torch. With torch, Python and numpy change, too:
see [the environments](#environments). `sparsecheck explain ID` says more on a requirement.
"""


def matrix_markdown(matrix: Matrix) -> str:
    """Results by torch, what changed and since when, and where it was judged."""
    lines = [_HEAD]
    if matrix.selected:
        lines.append("**Only a selection of the catalogue was asked for; nothing here is a verdict on the whole.**\n")
    lines += _results(matrix)
    lines += _not_judged(matrix)
    lines += ["## What changed, and since when\n"]
    lines += [line for kind in Kind for line in _changes(matrix, kind)] if len(matrix.releases) > 1 else [_ONE]
    lines += _environments(matrix)
    return "\n".join(lines).rstrip("\n") + "\n"


_ONE = "There is one torch only: nothing to compare with.\n"


def _results(matrix: Matrix) -> Iterator[str]:
    yield "## Results\n"
    yield table_row(("sparsifier", *(f"torch {one.title}" for one in matrix.releases)))
    yield "|---" * (1 + len(matrix.releases)) + "|"
    for row in matrix.rows:
        yield table_row((row.sparsifier, *map(_square, row.squares)))
    yield ""


def _square(square: Square | None) -> str:
    if square is None:
        return "no report"
    return f"{square.result}: {square.counts}" if square.counts else square.result


def _not_judged(matrix: Matrix) -> Iterator[str]:
    for row in matrix.rows:
        for release, square in zip(matrix.releases, row.squares, strict=True):
            if square is not None and square.problem:
                problem = plain(one_line(square.problem, 1200))
                yield f"{plain(row.sparsifier)} could not be judged on torch {plain(release.title)}: {problem}\n"


def _changes(matrix: Matrix, kind: Kind) -> Iterator[str]:
    yield f"### {kind.value[0].upper()}{kind.value[1:]}\n\n{kind.meaning}\n"
    those = [one for one in matrix.changes if one.kind is kind]
    for change in those:
        yield from _change(change)
    yield "" if those else "Nothing.\n"


def _change(one: Change) -> Iterator[str]:
    names = ", ".join(map(plain, one.sparsifiers))
    turn = f"from {one.was.value} (on {plain(one.before.title)}) to {one.now.value}"
    yield f"- **{one.requirement.id}** since torch {plain(one.since.title)}: {turn}. {plain(one.requirement.sentence)}"
    yield f"  - {names}: {one.count}, {plain(one.axes)}"
    if one.reasons or one.link:
        because = "it had failed because" if one.kind is Kind.MENDED else "because"
        yield f"  - {because}: {plain(one_line(' '.join(one.reasons), 600))}{linked(one.link)}"
    if one.message:
        yield f"  - seen: {plain(one_line(one.message, 300))}"
    if one.package:
        yield f"  - the package changed, too: {plain(one.package)}"
    if one.kind is Kind.BROKE:
        yield f"  - repeat: {code(f'sparsecheck run {one.arguments}')}"


def _environments(matrix: Matrix) -> Iterator[str]:
    yield "## Environments\n"
    yield table_row(what for what, _ in matrix.environments[0])
    yield "|---" * len(matrix.environments[0]) + "|"
    for facts in matrix.environments:
        yield table_row(fact or "unknown" for _, fact in facts)

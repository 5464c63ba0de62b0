"""Results of a judge as text: the kill rate, by group, and the survivors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from .judging import Result

WRITTEN_BY = "Written by `python -m tools.factory --judge MODULE:FUNCTION --page FILE`. Do not edit it by hand."


def rate(results: Sequence[Result]) -> str:
    """Return how many are rejected, in words."""
    killed = sum(bool(one.violated) for one in results)
    return f"{killed} of {len(results)} ({killed / max(len(results), 1):.1%})"


def groups(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Return the results by group, in the order of the first of each."""
    found: dict[str, list[Result]] = defaultdict(list)
    for one in results:
        found[one.broken.group].append(one)
    return found


def lines(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines that a terminal shows."""
    for group, those in groups(results).items():
        yield f"  {group}: {rate(those)}"
    for one in results:
        if one.error:
            yield f"ERROR {one.broken.name}: the judge raised {one.error}"
        elif not one.violated:
            yield f"SURVIVES {one.broken.name}: {one.broken.says}"
    yield f"rejected: {rate(results)}"


def page(results: Sequence[Result], judge: str) -> str:
    """Return a Markdown page."""
    rows = [f"| {group} | {rate(those)} |" for group, those in groups(results).items()]
    left = [f"- `{one.broken.name}`: {one.broken.says}" for one in results if not one.violated]
    return "\n".join((
        "# Broken sparsifiers and what rejects them", "", WRITTEN_BY, "",
        f"Judge: `{judge}`. Rejected: {rate(results)}.", "", "| group | rejected |", "|---|---|", *rows, "",
        "## Survivors", "", *(left or ["None."]), "",
    ))

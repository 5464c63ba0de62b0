"""The kill matrix as a page of Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from sparsecheck import Adapter
from sparsecheck.catalogue import AREAS, CATALOGUE
from tests.miniatures import Miniature

Rows = Mapping[str, tuple[str, ...]]

_HEAD = """# The kill matrix

Written by `python -m tools.kill_matrix --page FILE` from tests/kill_matrix.json.

A case counts only once a broken sparsifier has been seen to fail it, and a correct one to pass it. Below, each row is
a miniature: a deliberately broken sparsifier, a few lines over the exemplar. Each column is a requirement. `#`: the
requirement that the miniature was made for rejects it. `+`: so does this one, by its canonical cell. Where SMOKE is red
nothing else is run; the miniatures made for it show that.
"""


def page(miniatures: Iterable[Miniature], rows: Rows, variants: Mapping[str, Callable[[], Adapter]]) -> str:
    """All of it: the grid, each requirement with what it rejects, and the variants that none rejects."""
    miniatures = list(miniatures)
    return "\n".join([_HEAD, *_grid(miniatures, rows), *_requirements(miniatures, rows), *_variants(variants)]) + "\n"


def _grid(miniatures: list[Miniature], rows: Rows) -> Iterator[str]:
    width = max(len(miniature.short) for miniature in miniatures)
    yield "```text"
    for heading in _headings():
        yield f"{'':{width}}  {heading}".rstrip()
    for requirements in AREAS.values():
        ids = [one.id for one in requirements]
        for miniature in sorted(
            (one for one in miniatures if one.requirement in ids), key=lambda one: ids.index(one.requirement)
        ):
            yield f"{miniature.short:{width}}  {_marks(miniature, rows[miniature.name])}"
        yield ""
    yield "```\n"


def _headings() -> Iterator[str]:
    """Return the areas, and below them the numbers of the requirements, tens over ones."""
    yield " ".join(f"{area:{len(requirements)}}" for area, requirements in AREAS.items())
    for digit in (-2, -1):
        yield " ".join("".join(one.id[digit] for one in requirements) for requirements in AREAS.values())


def _marks(miniature: Miniature, ids: tuple[str, ...]) -> str:
    def mark(id: str) -> str:
        return "#" if id == miniature.requirement else "+" if id in ids else "."

    return " ".join("".join(mark(one.id) for one in requirements) for requirements in AREAS.values())


def _requirements(miniatures: list[Miniature], rows: Rows) -> Iterator[str]:
    yield "## What each requirement rejects\n"
    for requirement in CATALOGUE:
        made = [one for one in miniatures if one.requirement == requirement.id]
        others = [one.short for one in miniatures if one not in made and requirement.id in rows[one.name]]
        yield f"**{requirement.id}** {requirement.sentence}\n"
        for miniature in made:
            yield f"- {miniature.short}: {miniature.says}"
        if others:
            yield f"- also {', '.join(others)}"
        yield ""


def _variants(variants: Mapping[str, Callable[[], Adapter]]) -> Iterator[str]:
    yield "## What none rejects\n"
    yield "Correct sparsifiers, built or declared otherwise than the exemplar; every canonical cell passes.\n"
    for name, make in sorted(variants.items()):
        says = (type(make()).__doc__ or "").partition("\n")[0]
        yield f"- `{name}`" + (f": {says}" if isinstance(make, type) else "")

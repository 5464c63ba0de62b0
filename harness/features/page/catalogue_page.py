"""The catalogue as a page of Markdown. No torch here."""

from __future__ import annotations

from collections.abc import Iterator

from ...catalogue import AREAS, VERSION
from ...values.capability import CAPABILITIES
from ...values.requirement import ACCELERATOR, CANONICAL_PATTERN, LEVELLED_PATTERN, Requirement

_HEAD = f"""# The catalogue

Catalogue version {VERSION}. Written by `sparsecheck explain --markdown`; change `harness/catalogue`, not this page.

A requirement is judged once on its canonical cell (the first value of each axis), then once for every other value
of each axis, the rest being canonical. `{CANONICAL_PATTERN}` is the first pattern that the sparsifier supports,
`{LEVELLED_PATTERN}` the first that has a level, `{ACCELERATOR}` whatever accelerator torch knows here. A cell that
takes a capability declared unsupported judges the refusal instead.
"""


def catalogue_page() -> str:
    """All requirements by area, then what a sparsifier can declare."""
    return "\n".join([_HEAD, *_areas(), *_capabilities()])


def _areas() -> Iterator[str]:
    for area, requirements in AREAS.items():
        yield f"## {area}\n"
        for requirement in requirements:
            yield from _requirement(requirement)


def _requirement(one: Requirement) -> Iterator[str]:
    yield f"**{one.id}** ({one.level}). {_plain(one.sentence)}\n"
    yield f"- {'; '.join(_axes(one))}"
    if one.needs or one.torch:
        yield f"- needs {', '.join((*one.needs, *((f'torch{one.torch}',) if one.torch else ())))}"
    if one.unless:
        clauses = " or ".join(f"`{clause} = {value}`" for clause, value in one.unless)
        yield f"- not where the contract says {clauses}"
    yield f"- source: {_plain(one.source)}\n"


def _axes(one: Requirement) -> Iterator[str]:
    axes = (("layer", one.layers), ("pattern", one.patterns), ("dtype", one.dtypes), ("device", one.devices))
    for axis, values in axes:
        yield f"{axis} {', '.join(f'`{value}`' for value in values)}"


def _plain(text: str) -> str:
    """With what Markdown would read as its own kept as it is."""
    return "".join(f"\\{character}" if character in "*_<>|`" else character for character in text)


def _capabilities() -> Iterator[str]:
    yield "## Capabilities\n\nEach is declared supported or unsupported.\n\n| capability | the sparsifier |\n|---|---|"
    for name, meaning in CAPABILITIES.items():
        yield f"| `{name}` | {_plain(meaning)} |"
    yield ""

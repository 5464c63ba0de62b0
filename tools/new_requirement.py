"""Add a requirement with a case and a miniature to fill in: `python -m tools.new_requirement AREA "sentence"`."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from sparsecheck.catalogue import AREAS, RETIRED, VERSION

ROOT = Path(__file__).parents[1]
WIDTH = 120

_CASE = '''

@case("{id}")
def test_{name}(trial: Trial) -> None:
    trial.sparsified()
    raise NotImplementedError("{id} is not written yet")
'''

_MINIATURE = '''

@breaks("{id}")
class Breaks{short}({base}):
    """Does nothing wrong yet: break {id} here, and say in this sentence how."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
'''

NEXT = """
Next:
  1. Fill in `source` and the axes in {catalogue}, the case in {case}, the miniature in {miniature}.
  2. pytest -q -n 0 tests/test_kill.py -k {id}
     fails until the case passes on the exemplar and rejects the miniature; the last failure asks for step 3.
  3. python -m tools.fingerprints --write
     python -m tools.kill_matrix
     sparsecheck explain --markdown > docs/catalogue.md
"""


class CannotAdd(click.ClickException):
    """Raised if a requirement cannot be added to the files of an area."""


def next_id(area: str) -> str:
    """Return the first id of an area that was never in use."""
    used = [*(one.id for one in AREAS[area]), *(id for id in RETIRED if id.startswith(f"{area}-"))]
    return f"{area}-{max((int(id.rpartition('-')[2]) for id in used), default=0) + 1:02}"


def add(root: Path, area: str, sentence: str) -> tuple[str, list[Path]]:
    """Write the stubs of a requirement into the files of an area.

    Args:
        root: The checkout.
        area: An area of the catalogue, such as `MASK`.
        sentence: The sentence of the requirement.

    Returns:
        Its id, and the files that were changed.

    Raises:
        CannotAdd: A file is missing, or does not have the expected form.
    """
    id, low = next_id(area), area.lower()
    changes: dict[Path, Callable[[str], str]] = {
        root / "harness" / "catalogue" / f"{low}.py": lambda text: _into_tuple(text, id, sentence),
        root / "cases" / f"test_{low}.py": lambda text: text + _CASE.format(id=id, name=_name(sentence)),
        root / "tests" / "miniatures" / f"{low}.py": lambda text: text + _miniature(text, id),
        root / "CHANGELOG.md": lambda text: _into_changelog(text, id, sentence),
    }
    if missing := [file for file in changes if not file.is_file()]:
        raise CannotAdd(f"{missing[0]} does not exist; CONTRIBUTING.md says how to add an area")
    written = {file: change(file.read_text("utf-8")) for file, change in changes.items()}
    for file, text in written.items():
        file.write_text(text, "utf-8")
    return id, list(written)


def _into_tuple(text: str, id: str, sentence: str) -> str:
    """Add a `Requirement` at the end of REQUIREMENTS."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "REQUIREMENTS" and node.end_lineno:
            lines = text.splitlines(keepends=True)
            end = node.end_lineno - 1
            return "".join((*lines[:end], *_requirement(id, sentence), *lines[end:]))
    raise CannotAdd(f"the catalogue of {id} has no tuple REQUIREMENTS")


def _requirement(id: str, sentence: str) -> Iterator[str]:
    yield f'    Requirement(\n        id="{id}", level="extended", source="TODO", since={VERSION},\n'
    pieces = textwrap.wrap(sentence, WIDTH - 24, break_long_words=False)
    quoted = [_quoted(piece + (" " if place < len(pieces) - 1 else "")) for place, piece in enumerate(pieces)]
    yield f"        sentence={quoted[0]}"
    yield from (f"\n        {piece}" for piece in quoted[1:])
    yield ",\n    ),\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _name(sentence: str) -> str:
    """Return a name for the case: the first words of the sentence."""
    return "_".join(re.findall(r"[a-z0-9]+", sentence.lower())[:7])


def _miniature(text: str, id: str) -> str:
    base = "Exemplar" if re.search(r"\bExemplar\b", text) else "ChannelRemover"
    return _MINIATURE.format(id=id, short=id.title().replace("-", ""), base=base)


def _into_changelog(text: str, id: str, sentence: str) -> str:
    """Add the id to the section of the present catalogue."""
    heading = f"## Catalogue {VERSION}\n\n"
    if heading not in text:
        raise CannotAdd(f"CHANGELOG.md has no section {heading.strip()!r}")
    item = textwrap.fill(f"- Added {id}: {sentence}", WIDTH, subsequent_indent="  ", break_long_words=False)
    return text.replace(heading, f"{heading}{item}\n", 1)


@click.command()
@click.argument("area", type=click.Choice(list(AREAS)))
@click.argument("sentence")
def main(area: str, sentence: str) -> None:
    """Add a requirement to AREA that says SENTENCE: its data, a case that fails, a miniature, a line in the changelog.

    It is added to the present version of the catalogue. If that one is released, raise VERSION in
    harness/catalogue/__init__.py first, and add its section to CHANGELOG.md.
    """
    if not re.search(r"[a-z]", sentence.lower()) or not sentence.endswith("."):
        raise click.UsageError("the sentence says what every sparsifier must do, and ends with a full stop")
    id, files = add(ROOT, area, " ".join(sentence.split()))
    shown = [file.relative_to(ROOT).as_posix() for file in files]
    click.echo("\n".join((f"{id} was added to:", *(f"  {name}" for name in shown))))
    click.echo(NEXT.format(id=id, catalogue=shown[0], case=shown[1], miniature=shown[2]), nl=False)


if __name__ == "__main__":
    main()

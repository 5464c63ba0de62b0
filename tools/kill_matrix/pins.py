"""Pins of the kill matrix: which requirements reject which miniature, and by which code that was found.

`python -m tools.kill_matrix` writes them to tests/kill_matrix.json. A pair of a miniature and a requirement is computed
again only if the code of one of them has changed since.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import fields

from sparsecheck.catalogue import CATALOGUE
from sparsecheck.values.requirement import Requirement
from tests.bench_of_one import cases
from tests.miniatures.all import MINIATURES, Miniature
from tools.kill_matrix.digests import digest

FILE = Path(__file__).parents[2] / "tests" / "kill_matrix.json"
COMMAND = "python -m tools.kill_matrix"

Row = tuple[str, ...]
"""The ids of the requirements that reject one miniature, in the catalogue's order."""


class NotPinned(LookupError):
    """Raised if something is missing from the kill matrix; the message names the command that adds it."""


@dataclass(frozen=True)
class Pins:
    """The kill matrix as it is stored.

    Attributes:
        requirements: The digest of each requirement that every miniature was judged by.
        miniatures: The digest of each miniature.
        rows: The requirements that reject each miniature.
    """

    requirements: Mapping[str, str] = field(default_factory=dict)
    miniatures: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, Row] = field(default_factory=dict)

    def row(self, name: str) -> Row:
        """Return the row of a miniature.

        Raises:
            NotPinned: It has none.
        """
        if name not in self.rows:
            raise NotPinned(f"miniature {name} is not in {FILE.name}; add it with: {COMMAND}")
        return self.rows[name]


def read(file: Path = FILE) -> Pins:
    """Read the pins; an absent file has none."""
    kept = json.loads(file.read_text("utf-8")) if file.exists() else {"requirements": {}, "miniatures": {}}
    words = {name: line.split() for name, line in kept["miniatures"].items()}
    digests = {name: found for name, (found, *_) in words.items()}
    return Pins(kept["requirements"], digests, {name: tuple(ids) for name, (_, *ids) in words.items()})


def write(rows: Mapping[str, Iterable[str]], file: Path = FILE) -> None:
    """Write the rows of all miniatures with the present digests, a line each."""
    lines = {name: " ".join((found, *rows[name])) for name, found in miniature_digests().items()}
    text = json.dumps({"requirements": requirement_digests(), "miniatures": lines}, indent=0)
    file.write_text(text + "\n", "utf-8")


def requirement_digests() -> dict[str, str]:
    """Return a digest of every requirement: its data without prose and defaults, and its case."""
    data = {one.id: repr([*_data(one)]) for one in CATALOGUE}
    return {id: digest(cases()[id], within=("sparsecheck.cases.",), beside=data[id]) for id in data}


def _data(requirement: Requirement) -> Iterator[tuple[str, object]]:
    prose = {"sentence", "source", "since", "revised", "level"}
    for one in fields(requirement):
        if one.name not in prose and getattr(requirement, one.name) != one.default:
            yield one.name, getattr(requirement, one.name)


def miniature_digests() -> dict[str, str]:
    """Return a digest of every miniature: its code, and what it uses of other miniatures."""
    return {one.name: _miniature_digest(one) for one in MINIATURES}


def _miniature_digest(miniature: Miniature) -> str:
    sparsified = getattr(miniature.adapter, "sparsified", None)
    return digest(miniature.adapter, sparsified, within=("tests.miniatures.",), beside=miniature.kind)

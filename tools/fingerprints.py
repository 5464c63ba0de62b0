"""Pin the meaning of every requirement, so that none changes without a new revision or a stated reason.

The fingerprint of a requirement covers its data, except id, prose and history, and the code of its case. Run
`python -m tools.fingerprints` to check the pins in tests/fingerprints.json.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct

from sparsecheck.catalogue import CATALOGUE
from sparsecheck.oracle import tolerance
from sparsecheck.oracle.ranking import SLACK
from sparsecheck.values.requirement import Requirement
from tests.bench_of_one import cases

FILE = Path(__file__).parents[1] / "tests" / "fingerprints.json"
TOLERANCES = "TOLERANCES"
"""The id under which the table of tolerances is pinned."""

_WRITE = "python -m tools.fingerprints --write"
_ADDED = ("refuses",)
"""Fields that are newer than the pins; where they are empty they are left out, so that adding them changed nothing."""

_NOT_MEANING = ("id", "sentence", "source", "since", "revised")


class Pin(Struct, frozen=True, omit_defaults=True):
    """A pinned fingerprint.

    Attributes:
        revision: Of the requirement when it was pinned.
        because: Why the meaning is the same although the fingerprint changed last.
    """

    revision: int
    fingerprint: str
    because: str = ""


def pins() -> dict[str, Pin]:
    """Return the pins, by requirement id."""
    return msgspec.json.decode(FILE.read_bytes(), type=dict[str, Pin]) if FILE.exists() else {}


def current() -> dict[str, Pin]:
    """Return the present revision and fingerprint of every requirement, and of the tolerances."""
    code: dict[str, Any] = dict(cases())
    found = {one.id: Pin(one.revision, _hash(_data(one), _code(code[one.id]))) for one in CATALOGUE if one.id in code}
    return {**found, TOLERANCES: Pin(1, _hash(repr(sorted(tolerance.TABLE.items())), repr(SLACK)))}


def _data(one: Requirement) -> str:
    fields: Mapping[str, Any] = msgspec.to_builtins(one)
    absent = {name for name in _ADDED if not fields[name]}
    found = {name: value for name, value in fields.items() if name not in _NOT_MEANING and name not in absent}
    return json.dumps(found, sort_keys=True)


def _code(case: Callable[..., object]) -> str:
    """Return the syntax tree of a case, without its name, decorators, docstring and the layout."""
    [function] = ast.parse(textwrap.dedent(inspect.getsource(case))).body
    assert isinstance(function, ast.FunctionDef)
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return "\n".join(ast.dump(statement) for statement in body)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def problems(now: Mapping[str, Pin], pinned: Mapping[str, Pin]) -> Iterator[str]:
    """Yield one sentence for every requirement whose pin does not hold, with the command that settles it."""
    for id, pin in now.items():
        before = pinned.get(id)
        if before is None:
            yield f"{id} is not pinned; run `{_WRITE}`"
        elif pin.revision != before.revision:
            yield f"{id} is at revision {pin.revision}, pinned at {before.revision}; run `{_WRITE}`"
        elif pin.fingerprint != before.fingerprint:
            yield (
                f"{id} changed: if the meaning of a cell changed, add the catalogue version to its `revised` and run "
                f"`{_WRITE}`; if not, run `python -m tools.fingerprints --same {id} "
                "--because TEXT`"
            )
    yield from (f"{id} is pinned and gone; run `{_WRITE}`" for id in pinned if id not in now)


def settled(now: Mapping[str, Pin], pinned: Mapping[str, Pin], same: Mapping[str, str]) -> dict[str, Pin]:
    """Return new pins: of requirements that are new or revised, and of those that `same` gives a reason for."""
    pins = {id: pinned.get(id, pin) for id, pin in now.items()}
    for id, pin in now.items():
        if id in same:
            pins[id] = Pin(pin.revision, pin.fingerprint, same[id])
        elif pin.revision != pins[id].revision:
            pins[id] = pin
    return pins


def write(pins: Mapping[str, Pin]) -> None:
    """Write the pins, one line each."""
    lines = (f"{json.dumps(id)}: {msgspec.json.encode(pin).decode()}" for id, pin in sorted(pins.items()))
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


@click.command()
@click.option("--write", "rewrite", is_flag=True, help="Pin requirements that are new or revised.")
@click.option("--same", multiple=True, metavar="ID", help="The meaning of ID is the same; needs --because.")
@click.option("--because", default="", metavar="TEXT", help="Why it is the same.")
def main(rewrite: bool, same: tuple[str, ...], because: str) -> None:
    """Check the pinned fingerprints of the requirements."""
    if bool(same) != bool(because.strip()):
        raise click.UsageError("--same and --because belong together: name the requirements and the reason")
    now = current()
    if unknown := [id for id in same if id not in now]:
        raise click.UsageError(f"{unknown[0]} is no requirement")
    if rewrite or same:
        write(settled(now, pins(), dict.fromkeys(same, because)))
    found = [*problems(now, pins())]
    for problem in found:
        click.echo(problem)
    click.echo(f"{len(now)} fingerprints, {len(found)} to be settled")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

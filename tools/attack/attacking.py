"""Carry out attacks, several at a time, each in a temporary folder of its own."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tools.attack import judging
from tools.attack.attack import Attack
from tools.attack.box import SPARSECHECK, Box, Broken, Ended
from tools.attack.prepared import Prepared

REPORT = "out.jsonl"

ADAPTER = "hostile.py"
"""The name under which each hostile adapter is judged, so that a message cannot match by the name of the attack."""

_HARMLESS = """from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Harmless(ExemplarAdapter):
    unsupported = "{unsupported}"
    supported = ExemplarAdapter.supported.replace(" {unsupported} ", " ")

    def attach(self, model, plan, context):
        self.refuse_unsupported(plan, model)
        return super().attach(model, plan, context)
"""
"""A sparsifier without a fault."""


Outcome = Literal["HELD", "BROKEN", "LIMIT"]


@dataclass(frozen=True)
class Result:
    """The result of one attack.

    Attributes:
        attack: The name of the attack.
        outcome: Whether sparsecheck held, or was broken in a way that is known (`LIMIT`).
        code: The exit code of the last call; None if there was none.
        message: The message that a maintainer sees.
        problem: In what way it was broken; empty if it was held.
        seconds: How long it took.
        line: The line of `lines.py`.
    """

    attack: str
    outcome: Outcome
    code: int | None
    message: str
    problem: str
    seconds: float
    line: str


def carry_out(
    every: Sequence[Attack], jobs: int, cold: bool, show: Callable[[Result], None]
) -> list[Result]:
    """Carry out all attacks, and before them a control of the cells that adapter attacks are judged on.

    Args:
        every: The attacks.
        jobs: How many at a time.
        cold: Whether all processes start from nothing.
        show: Receives each result, in the order of the attacks.
    """
    with _place() as folder, ThreadPoolExecutor(jobs) as pool:
        prepared = Prepared(folder / "prepared", SPARSECHECK)
        selections = _joined(one.judged for one in every if one.is_adapter)
        controls = [pool.submit(_control, number, one, folder, prepared) for number, one in enumerate(selections)]
        others = [pool.submit(_result, number, one, folder, prepared, cold) for number, one in enumerate(every)]
        results = []
        for future in (*controls, *others):
            results.append(future.result())
            show(results[-1])
    return results


def _joined(selections: Iterable[str]) -> list[str]:
    """Return as few selections as select the same cells: options of one kind add up, and those of two kinds do not."""
    together: dict[tuple[bool, frozenset[str]], dict[str, None]] = {}
    for words in map(str.split, selections):
        options = [" ".join(pair) for pair in zip(words[::2], words[1::2], strict=True)]
        together.setdefault(("REFUSE" in " ".join(words), frozenset(words[::2])), {}).update(dict.fromkeys(options))
    return [" ".join(options) for options in together.values()]


@contextmanager
def _place() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="attack-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _control(number: int, cells: str, folder: Path, prepared: Prepared) -> Result:
    """Judge a harmless adapter on cells of adapter attacks: it must pass."""
    started = time.monotonic()
    box = Box(folder / f"control-{number}" / "work", prepared)
    box.write("harmless.py", _HARMLESS.replace("{unsupported}", "band" if "REFUSE" in cells else ""))
    ended = box.sparsecheck("run", "--adapter", "harmless.py", *cells.split(), "--report", REPORT)
    problem = "" if ended.code == 0 else f"exit code {ended.code} without an attack: {ended.output.strip()}"
    problem = problem or box.left_behind()
    return _as_result(f"(no attack) {cells}", "", ended, "", problem, started)


def _result(number: int, attack: Attack, folder: Path, prepared: Prepared, cold: bool) -> Result:
    started, ended = time.monotonic(), None
    box = Box(folder / f"{number}" / "work", prepared, cold or attack.is_cold)
    report = box.folder / REPORT if attack.is_adapter else None
    try:
        _act(attack, box)
        problem = judging.problem(attack, box.ended[-1], report) or box.left_behind()
    except Broken as broken:
        problem = str(broken)
    except Exception as error:
        problem = f"the attack could not be made: {type(error).__name__}: {error}"
    if box.ended:
        ended = box.ended[-1]
    seen = judging.message(attack, ended, report) if ended is not None else ""
    box.end()
    shutil.rmtree(box.folder.parent, ignore_errors=True)
    return _as_result(attack.name, attack.line, ended, seen, problem, started, attack.limit)


def _as_result(
    name: str, line: str, ended: Ended | None, seen: str, problem: str, started: float, limit: str = ""
) -> Result:
    outcome: Outcome = "BROKEN" if problem else "HELD"
    if limit:
        outcome, problem = ("LIMIT", limit) if problem else ("BROKEN", f"it is held: delete LIMIT, {limit!r}")
    code = ended.code if ended is not None else None
    return Result(name, outcome, code, seen, problem, round(time.monotonic() - started, 2), line)


def _act(attack: Attack, box: Box) -> None:
    if attack.is_adapter:
        shutil.copy(attack.file, box.folder / ADAPTER)
        box.sparsecheck("run", "--adapter", ADAPTER, *attack.judged.split(), "--report", REPORT)
        return
    spec = importlib.util.spec_from_file_location(f"attack_{attack.file.stem}", attack.file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.attack(box)

"""Adapter files with faults, and `sparsecheck run` on them as a user would call it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from sparsecheck.report.reasons import exit_code
from sparsecheck.report.report import Report, read_partial
from sparsecheck.values.record import Footer, Record, Verdict

ONE_CASE = ("--requirement", "MASK-01")
SOME_CELLS = ("--requirement", "MASK-04")
COUNT = 3
"""The number of cells of `SOME_CELLS` that can be judged without an accelerator."""

SMOKE_CALLS = 7
"""The number of calls of attach by the smoke checks, before any cell."""

KILLS_THE_SERVER = (
    "parent = os.getppid(); b'fork_server' in open(f'/proc/{parent}/cmdline', 'rb').read() and os.kill(parent, 9)"
)

_FILE = """
import os, signal, sys, time
import pytest
import torch
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

class Faulty(ExemplarAdapter):
    def attach(self, model, plan, context):
        {body}
        return super().attach(model, plan, context)
"""


@dataclass(frozen=True)
class Ended:
    """The end of a run: its exit code, its output, and its report if it wrote one."""

    code: int
    output: str
    report: Report | None


def faulty(folder: Path, body: str, name: str = "faulty") -> Path:
    """Write an adapter file whose attach runs `body` first."""
    return written(folder, _FILE.format(body=body), name)


def written(folder: Path, text: str, name: str = "faulty") -> Path:
    """Write an adapter file."""
    file = folder / f"{name}.py"
    file.write_text(text, "utf-8")
    return file


def run(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> Ended:
    """Call `sparsecheck run` in `folder`, with a report."""
    path = folder / "out.jsonl"
    command = [sys.executable, "-m", "sparsecheck", "run", "--report", str(path), *arguments]
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, env={**os.environ, **(environment or {})}
    )
    report = read_partial(path) if path.exists() else None
    return Ended(ended.returncode, ended.stdout + ended.stderr, report)


def run_together(folder: Path, files: Iterable[Path], *arguments: str) -> Ended:
    """Run several adapter files at once, two at a time, on the cells of `SOME_CELLS`."""
    adapters = [argument for file in files for argument in ("--adapter", str(file))]
    ended = run(folder, "-j", "2", *SOME_CELLS, *adapters, *arguments)
    assert "Traceback" not in ended.output
    return ended


@dataclass(frozen=True)
class Part:
    """The part of a run that is about one sparsifier; `lost` is what the footer says of it."""

    code: int
    records: tuple[Record, ...]
    problem: str
    lost: str

    def verdicts(self) -> list[Verdict]:
        return [record.verdict for record in self.records if record.verdict is not Verdict.UNAVAILABLE]


def part(ended: Ended, name: str) -> Part:
    """Return the part on `name`, with the exit code of a run of it alone."""
    assert ended.report is not None, ended.output
    assert ended.report.footer is not None
    losses = dict(one.partition(": ")[::2] for one in ended.report.footer.interrupted.split("; "))
    [subject] = [one for one in ended.report.header.subjects if one.sparsifier == name]
    partial = Report(replace(ended.report.header, subjects=(subject,)), ended.report.of(name), None)
    alone = Report(partial.header, partial.records, Footer(partial.outcomes(), losses.get(name, "")))
    return Part(exit_code(alone), alone.records, subject.problem, losses.get(name, ""))

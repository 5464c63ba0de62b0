"""Adapter files for faults, and `sparsecheck run` on them as a user would call it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sparsecheck.judging.report import Report, read_partial

ONE_CASE = ("--requirement", "MASK-01")

_FILE = """
import os, signal, sys, time
import pytest
import torch
from sparsecheck.sparsifiers.exemplar import ExemplarAdapter

class Faulty(ExemplarAdapter):
    def attach(self, model, plan, context):
        {body}
        return super().attach(model, plan, context)
"""


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, all it printed, and the report it wrote, if any."""

    code: int
    output: str
    report: Report | None


def faulty(folder: Path, body: str, name: str = "faulty") -> Path:
    """An adapter file whose attach does `body` first."""
    return written(folder, _FILE.format(body=body), name)


def written(folder: Path, text: str, name: str = "faulty") -> Path:
    """An adapter file of `text`."""
    file = folder / f"{name}.py"
    file.write_text(text, "utf-8")
    return file


def run(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> Ended:
    """`sparsecheck run` in `folder`, with a report."""
    path = folder / "out.jsonl"
    command = [sys.executable, "-m", "sparsecheck", "run", "--report", str(path), *arguments]
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, env={**os.environ, **(environment or {})}
    )
    report = read_partial(path) if path.exists() else None
    return Ended(ended.returncode, ended.stdout + ended.stderr, report)

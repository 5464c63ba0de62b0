"""Reports that attacks start from. Each is made once, by the installed sparsecheck, when it is first needed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import NamedTuple


class Sample(NamedTuple):
    """A sample report. body: the body of the adapter class. cells: options that select cells. code: the exit code."""

    body: str
    cells: str
    code: int


_RAISES = """def attach(self, model, plan, context):
        if "Conv2d" in str(model):
            raise RuntimeError("Tensor sizes clash")
        return super().attach(model, plan, context)
"""
_CELLS = "--requirement MASK-01 --requirement MASK-03"

REPORTS = {
    "green": Sample("pass\n", _CELLS, 0),
    "red": Sample(_RAISES, _CELLS, 1),
    "whole": Sample("pass\n", "", 0),
}
"""Samples by name: a selection that passes, the same with failures, and a run of the whole catalogue that passes."""

_FILE = """from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter


class Adapter(ExemplarAdapter):
    {body}"""


@dataclass
class Prepared:
    """The samples, made in `folder`."""

    folder: Path
    script: Path
    _locks: dict[str, Lock] = field(default_factory=lambda: {name: Lock() for name in REPORTS})

    def adapter(self, which: str) -> Path:
        """Return the adapter file of a sample."""
        file = self.folder / which / f"{which}_adapter.py"
        with self._locks[which]:
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(_FILE.format(body=REPORTS[which].body), "utf-8")
        return file

    def report(self, which: str) -> Path:
        """Return the report of a sample.

        Raises:
            RuntimeError: It has not the exit code that it must have.
        """
        adapter = self.adapter(which)
        path = adapter.with_name("report.jsonl")
        with self._locks[which]:
            if not path.exists():
                self._judge(which, adapter, path)
        return path

    def _judge(self, which: str, adapter: Path, path: Path) -> None:
        sample = REPORTS[which]
        options = ["--adapter", adapter.name, *sample.cells.split(), "--report", path.name]
        ended = subprocess.run(
            [sys.executable, str(self.script), "run", *options], cwd=adapter.parent, capture_output=True, text=True,
            check=False, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        if ended.returncode != sample.code:
            raise RuntimeError(f"the sample {which} is not as it must be: {ended.stdout}{ended.stderr}")

"""Fresh interpreters by the hundred: forked from one that has imported torch, what judges and the
exemplar, and no miniature."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO

import torch

from sparsecheck.adapter.shipped import exemplar
from sparsecheck.process.guard import Guard
from sparsecheck.trials import fresh_process_main as fresh_main

assert exemplar, "which every miniature is made of"


@cache
def _server(process: int) -> subprocess.Popen[str]:
    """The one of this process: two that were forked must not speak to one server at once."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


def start() -> None:
    """Let the one of this process get ready, while something else is done."""
    _server(os.getpid())


def interpret(folder: Path) -> str:
    """As `sparsecheck.trials.fresh_process.interpret`, at a fortieth of the cost."""
    server = _server(os.getpid())
    assert server.stdin is not None
    assert server.stdout is not None
    print(folder, file=server.stdin, flush=True)
    status = server.stdout.readline().strip()
    return "" if status == "0" else f"exit status {status}"


def _warm() -> None:
    """What is loaded when it is first used, and looking through all this process holds for garbage, would take each
    child a tenth of a second."""
    import_module("torch._dynamo")  # as some miniatures do, and that takes a second
    with Guard().watch():
        torch.nn.functional.linear(torch.ones(1, 1), torch.ones(1, 1))
    gc.freeze()


def serve(folders: IO[str]) -> None:
    """For each folder that is named, one a line: fork, restore there, and print the exit status."""
    _warm()
    for line in folders:
        if not (child := os.fork()):
            os._exit(fresh_main.main(Path(line.strip())))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve(sys.stdin)

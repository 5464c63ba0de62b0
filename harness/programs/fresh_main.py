"""The program of the interpreter that restores: requests come in on standard input, answers go to standard output.

python -m sparsecheck.programs.fresh_main FOLDER
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from msgspec import json
from safetensors.torch import save_file
from torch import Tensor, nn

from ..adapter.protocol import Adapter, Context, Saved
from ..process.guard import Guard
from ..trials.fresh_process import MODEL, RESULT, SIDECAR, AdapterPlace
from ..trials.fresh_process_main import load_adapter
from ..trials.resumed_lives import LIVES
from ..trials.trial import Trial
from ..values.cell import Cell
from ..values.plan import Plan
from ..values.program_json import from_json
from ..values.structural_program import StructuralProgram
from . import build
from .fresh import Answer, Request, Resume
from .structural import network

_CPU = torch.device("cpu")


def main(folder: Path, requests: BinaryIO, answers: BinaryIO) -> None:
    """Load the adapter of the first line, and serve the requests of the others."""
    adapter: Adapter | None = None
    for line in requests:
        problem = ""
        try:
            if adapter is None:
                adapter = load_adapter(json.decode(line, type=AdapterPlace), folder)
            else:
                with Guard().keep():
                    save_file(_served(adapter, json.decode(line, type=Request | Resume), folder), folder / RESULT)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        answers.write(json.encode(Answer(problem)) + b"\n")
        answers.flush()


def _served(adapter: Adapter, request: Request | Resume, folder: Path) -> dict[str, Tensor]:
    if isinstance(request, Request):
        return _seen(adapter, request, folder)
    torch.set_num_threads(request.threads)
    cell = Cell.parse(request.cell)
    return LIVES[cell.requirement](Trial(cell, adapter), folder)


@dataclass(frozen=True)
class _Made:
    """What a program is restored from besides the saved state: a dense model, the plan, the context and inputs."""

    dense: nn.Module
    plan: Plan
    context: Context
    inputs: Tensor


def _made(request: Request) -> _Made:
    program, dtype, device = from_json(request.program.encode(), "a request"), getattr(torch, request.dtype), _CPU
    if isinstance(program, StructuralProgram):
        return _Made(
            network.build(program, build.OTHER, device), network.plan(program),
            network.context(program, dtype, device), network.inputs(program, "probe", 3, dtype, device),
        )
    return _Made(
        build.build(program, build.OTHER, device), build.plan(program), build.context(program, dtype, device),
        build.inputs(program, "probe", 3, dtype, device),
    )


def _seen(adapter: Adapter, request: Request, folder: Path) -> dict[str, Tensor]:
    made, dtype = _made(request), getattr(torch, request.dtype)
    saved = Saved(*(torch.load(folder / part, weights_only=False) for part in (MODEL, SIDECAR)))
    dense = made.dense.to(dtype)
    for name, training in request.training.items():
        dense.get_submodule(name).training = training
    for name, trainable in request.trainable.items():
        dense.get_parameter(name).requires_grad_(trainable)
    restored = adapter.restore(dense, made.plan, saved, made.context)
    seen = {f"mask {name}": mask for name, mask in restored.masks().items()}
    with torch.no_grad():
        seen["output"] = restored.model(made.inputs)
    return {name: tensor.detach().contiguous().clone() for name, tensor in seen.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    own = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # so that what a package prints is no answer
    main(Path(sys.argv[1]), sys.stdin.buffer, own)

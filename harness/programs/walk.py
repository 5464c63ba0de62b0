"""Run a program of the mask profile against a sparsifier, with a dense twin beside it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ..adapter.protocol import Batch, Context
from ..values.plan import Plan
from ..values.program import Program, ProgramLayer, Values
from . import build
from .mask_run import MaskRun
from .places import find_module
from .weights import values_of


class Walk(MaskRun):
    """One run of a program of the mask profile."""

    program: Program

    def made_plan(self) -> Plan:
        return build.plan(self.program)

    def built(self, salt: str) -> nn.Module:
        return build.build(self.program, salt, self.device)

    def inputs(self, salt: str = "probe", batch: int = 3) -> Tensor:
        return build.inputs(self.program, salt, batch, self.dtype, self.device)

    def batches(self, count: int, salt: str) -> list[Batch]:
        return build.batches(self.program, count, salt, self.dtype, self.device)

    def layer_inputs(self, name: str) -> Tensor:
        layer = next(one for one in self.program.layers if one.name == name)
        return build.layer_inputs(layer, self.program, self.dtype, self.device)

    def context(self) -> Context:
        return build.context(self.program, self.dtype, self.device)

    def new_values(self, name: str) -> Tensor:
        shape, dtype = self.program.shapes[name], str(self.dtype).removeprefix("torch.")
        kind: Values = "untied" if self.program.values == "untied" else "distinct"
        drawn = values_of(self.program, name, f"written {self.updates}", shape, kind, dtype)
        return self.writable(name, torch.tensor(drawn, dtype=self.dtype, device=self.device))

    def layers(self) -> Iterator[tuple[ProgramLayer, nn.Module, nn.Module]]:
        for layer in self.program.layers:
            planned = any(f"{layer.name}.{name}" in self.plan.patterns for name in layer.shapes)
            if planned and (module := find_module(self.model, layer.name)) is not None:
                yield layer, module, self.twin.model.get_submodule(layer.name)

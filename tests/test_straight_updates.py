"""An update may follow the step before straight, so that no forward of the walk repairs what a sparsifier forgot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Adapter, Plan
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter
from sparsecheck.adapter.shipped.torch_nn_utils_prune import L1UnstructuredAdapter
from sparsecheck.process.guard import Guard
from sparsecheck.programs.walk import Walk
from sparsecheck.values.program import Program, ProgramLayer, Removal
from sparsecheck.values.program_json import from_json, to_json
from sparsecheck.values.steps import Attach, Train, Update, WriteWeights
from sparsecheck.values.violation import Violation

PROGRAM = Program(
    layers=(ProgramLayer(name="layer1", kind="linear", inputs=6, outputs=6, bias=True),),
    plan=(Removal(name="layer1.weight", pattern="unstructured"),),
    steps=(Attach(), Update(level=0.25), WriteWeights(), Update(level=0.5, straight=True)),
)


class _Stale(Exemplar):
    """Ranks the weights as they were in the last forward, as a hook that copies them does."""

    seen: Mapping[str, Tensor] = {}

    def __init__(self, model: nn.Module, plan: Plan, *rest: Any) -> None:
        super().__init__(model, plan, *rest)
        self.note()
        model.register_forward_pre_hook(lambda *_: self.note())

    def note(self) -> None:
        self.seen = {name: super(_Stale, self)._dense(name).clone() for name in self.plan.names}

    def _dense(self, name: str) -> Tensor:
        return self.seen[name] if name in self.seen else super()._dense(name)


class _StaleAdapter(ExemplarAdapter):
    sparsified = _Stale


def walk(adapter: Adapter, program: Program) -> Walk:
    guard = Guard()
    made = Walk(program, adapter, adapter.declare("it"), guard)
    with guard.watch():
        made.run()
    return made


def looking(program: Program) -> Program:
    steps = (replace(one, straight=False) if isinstance(one, Update) else one for one in program.steps)
    return replace(program, steps=tuple(steps))


@pytest.mark.parametrize("adapter", [_StaleAdapter(), L1UnstructuredAdapter()], ids=["exemplar", "torch"])
def test_a_rank_of_the_last_forward_shows_only_if_the_update_is_straight(adapter: Adapter) -> None:
    walk(adapter, looking(PROGRAM))
    with pytest.raises(Violation, match=r"step 4, update level=0\.5 straight=True: mask of layer1\.weight") as caught:
        walk(adapter, PROGRAM)
    assert caught.value.kind == "kept-differs"


def test_a_right_sparsifier_passes_and_its_weights_are_compared_all_the_same() -> None:
    steps = (*PROGRAM.steps, Train(), Update(straight=True), Update(level=0.75, straight=True))
    assert walk(ExemplarAdapter(), replace(PROGRAM, steps=steps)).updates == 4


def test_weights_that_a_step_changes_are_found_before_a_straight_update() -> None:
    class Writes(Exemplar):
        def update(self, level: float | None = None) -> None:
            super().update(level)
            self.model.get_parameter("layer1.bias").data.add_(1)

    class WritesAdapter(ExemplarAdapter):
        sparsified = Writes

    steps = (Attach(), Update(), Update(straight=True))
    with pytest.raises(Violation, match=r"step 2, update: .*layer1\.bias") as caught:
        walk(WritesAdapter(), replace(PROGRAM, steps=steps))
    assert caught.value.kind == "parameter-differs"


def test_json_names_it() -> None:
    assert b'"straight": true' in to_json(PROGRAM)
    assert from_json(to_json(PROGRAM), "straight.json") == PROGRAM

"""A step that makes no gradients leaves those that are there as they are, planned or not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from msgspec.structs import replace
from torch import nn

from sparsecheck import Adapter, Context, Plan, Saved, Sparsified
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter
from sparsecheck.process.guard import Guard
from sparsecheck.programs.walk import Walk
from sparsecheck.values.program import Program, ProgramLayer, Removal
from sparsecheck.values.steps import (
    Attach,
    Backward,
    Cast,
    ChangeMemory,
    CopyModel,
    Finalize,
    Forward,
    Freeze,
    SaveAndRestore,
    Step,
    Update,
    WriteWeights,
)
from sparsecheck.values.violation import Violation
from tests.variants.holders import InPlaceAdapter

PROGRAM = Program(
    layers=(ProgramLayer(name="layer1", kind="linear", inputs=4, outputs=4, bias=True),
            ProgramLayer(name="layer2", kind="linear", inputs=4, outputs=3)),
    plan=(Removal(name="layer1.weight", pattern="unstructured"),),
    steps=(Attach(), Update(), Backward(), Update(level=0.75)),
)
WEIGHT = "layer1.parametrizations.weight.original"

Act = Callable[[nn.Module], None]


def walk(adapter: Adapter, *steps: Step) -> None:
    guard = Guard()
    program = replace(PROGRAM, steps=steps) if steps else PROGRAM
    with guard.watch():
        Walk(program, adapter, adapter.declare("it"), guard).run()


def broken(act: Act, at: str) -> Adapter:
    """Return the exemplar, which does something more at a call."""

    class Broken(Exemplar):
        def update(self, level: float | None = None) -> None:
            super().update(level)
            if at == "update":
                act(self.model)

        def save(self) -> Saved:
            if at == "save":
                act(self.model)
            return super().save()

    class BrokenAdapter(ExemplarAdapter):
        sparsified = Broken

        def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
            if at == "attach":
                act(model)
            return super().attach(model, plan, context)

    return BrokenAdapter()


def dropping(name: str) -> Act:
    def drop(model: nn.Module) -> None:
        model.get_parameter(name).grad = None

    return drop


def masking(model: nn.Module) -> None:
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad.view(-1)[0] += 1


def leaving(model: nn.Module) -> None:
    model.get_parameter("layer2.weight").grad = torch.ones(3, 4)


@pytest.mark.parametrize(("act", "at", "steps", "kind"), [
    (dropping(WEIGHT), "update", (), "gradient-changed"),
    (dropping("layer1.bias"), "update", (), "gradient-changed"),
    (dropping("layer2.weight"), "update", (), "gradient-changed"),
    (masking, "update", (), "gradient-changed"),
    (masking, "save", (Attach(), Update(), Backward(), SaveAndRestore()), "gradient-changed"),
    (dropping("layer1.weight"), "attach", (Backward(), Attach()), "gradient-changed"),
    (leaving, "update", (Attach(), Update()), "gradient-left"),
])
def test_a_gradient_that_is_changed_dropped_or_left_is_found(
    act: Act, at: str, steps: tuple[Step, ...], kind: str
) -> None:
    with pytest.raises(Violation, match=r"gradient of layer|had no gradient") as caught:
        walk(broken(act, at), *steps)
    assert caught.value.kind == kind


def test_gradients_go_along_with_what_the_user_does() -> None:
    """A cast casts them, a copy and a restored model begin without, and a frozen parameter keeps its own."""
    walk(
        ExemplarAdapter(), Backward(), Attach(), Update(), Freeze(), Backward(zero="keep"), ChangeMemory(), Forward(),
        CopyModel(), Update(level=0.75), Cast(dtype="float64"), Update(), WriteWeights(how="assign"), Backward(),
        CopyModel(what="sparsified"), Backward(), SaveAndRestore(), Backward(), Update(), Finalize(),
    )


def test_gradients_of_zeroed_entries_are_free_if_masks_are_held_in_place() -> None:
    class Masking(InPlaceAdapter):
        kept = 1.0

        def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
            sparsified = super().attach(model, plan, context)
            update = sparsified.update

            def masks_gradient(level: float | None = None) -> None:
                update(level)
                gradient, [mask] = model.get_parameter("layer1.weight").grad, sparsified.masks().values()
                if gradient is not None:
                    gradient.mul_(torch.where(mask, self.kept, 0.0))

            sparsified.update = masks_gradient  # type: ignore[method-assign]  # as a package may do
            return sparsified

    one = Masking()
    walk(one)
    one.kept = 2.0
    with pytest.raises(Violation, match=r"gradient of layer1\.weight") as caught:
        walk(one)
    assert caught.value.kind == "gradient-changed"

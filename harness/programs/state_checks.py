"""Checks of a script: saving, restoring, copying, casting, tracing, exporting and compiling a sparse model.

Each is copied into scripts. Its parameters are the names of a script's variables; see `lives`.
"""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..adapter.protocol import Batch, Saved, Sparsified
from .check_tools import (
    all_tensors,
    assert_equal,
    assert_masks,
    assert_refused,
    assert_separate,
    copied,
    load,
    tensors,
    train,
)

Restore = Callable[..., Sparsified]


class Behaviour:
    """The masks and outputs of a sparse model, as they were.

    Attributes:
        masks: The masks.
        output: The output.
    """

    def __init__(self, sparsified: Sparsified, inputs: Tensor, bound: float) -> None:
        self.inputs = (inputs, inputs[:1], torch.cat([inputs, inputs]))
        self.bound = bound
        self.masks = copied(sparsified.masks())
        with torch.no_grad():
            self.outputs = [sparsified.model(one).clone() for one in self.inputs]

    def assert_output(self, model: Callable[[Tensor], Tensor], what: str) -> None:
        """Assert that a model computes the same."""
        for inputs, expected in zip(self.inputs, self.outputs, strict=True):
            with torch.no_grad():
                seen = model(inputs)
            same = seen.shape == expected.shape and torch.allclose(seen, expected, rtol=self.bound, atol=self.bound)
            assert same, f"output {what}, for a batch of {len(expected)}: expected {expected}, seen {seen}"

    def assert_same(self, sparsified: Sparsified, what: str) -> None:
        """Assert that a sparsified model has the same masks and output."""
        assert_masks(sparsified, self.masks)
        self.assert_output(sparsified.model, what)


def get_behaviour(sparsified: Sparsified, inputs: Tensor, bound: float) -> Behaviour:
    return Behaviour(sparsified, inputs, bound)


def same_output(model: nn.Module, behaviour: Behaviour) -> None:
    behaviour.assert_output(model, "now")


def restored_runs(sparsified: Sparsified, restore: Restore, inputs: Tensor) -> None:
    saved = sparsified.save()
    assert saved.model, "saved model state: expected tensors, seen none"
    restore(saved).model(inputs)


def restored_same(sparsified: Sparsified, behaviour: Behaviour, restore: Restore) -> None:
    behaviour.assert_same(restore(sparsified.save()), "after restore")


def restored_twice(sparsified: Sparsified, behaviour: Behaviour, restore: Restore) -> None:
    saved = sparsified.save()
    behaviour.assert_same(restore(saved), "restored once")
    behaviour.assert_same(restore(saved), "restored twice")


def resumed_resume(sparsified: Sparsified, behaviour: Behaviour, restore: Restore) -> None:
    first = restore(sparsified.save())
    behaviour.assert_same(restore(first.save()), "restored from a restored run")


def own_state_loads(sparsified: Sparsified, behaviour: Behaviour, batches: list[Batch]) -> None:
    state = copy.deepcopy(sparsified.model.state_dict())
    train(sparsified, batches)
    load(sparsified.model, state)
    behaviour.assert_same(sparsified, "after load_state_dict of an earlier state")


def own_state_assigned(sparsified: Sparsified, behaviour: Behaviour, batches: list[Batch]) -> None:
    state = copy.deepcopy(sparsified.model.state_dict())
    train(sparsified, batches)
    sparsified.model.load_state_dict(state, strict=False, assign=True)
    behaviour.assert_same(sparsified, "after load_state_dict(assign=True)")
    sparsified.update()
    behaviour.assert_same(sparsified, "updated after load_state_dict(assign=True)")


def saved_left_alone(sparsified: Sparsified, restore: Restore, batches: list[Batch]) -> None:
    saved = sparsified.save()
    parts = {"model": saved.model, "sidecar": saved.sidecar}
    before = {name: one.clone() for name, one in tensors(parts).items()}
    original = {name: one.detach().clone() for name, one in all_tensors(sparsified).items()}
    restored = restore(saved)
    train(restored, batches)
    later_update(restored)
    assert_equal(tensors(parts), before, "the saved state, after what was restored from it was trained")
    assert_equal(all_tensors(sparsified), original, "the original, after what was restored from it was trained")


def later_update(sparsified: Sparsified) -> None:
    for levels in ((0.75,), ()):
        try:
            sparsified.update(*levels)
        except Exception:
            continue
        return


def shares_no_storage(sparsified: Sparsified, restore: Restore) -> None:
    saved = sparsified.save()
    restored = restore(saved)
    assert_separate(all_tensors(restored), tensors({"saved": saved.model, "sidecar": saved.sidecar}))
    assert_separate(all_tensors(restored), all_tensors(sparsified))


def sidecar_is_a_snapshot(sparsified: Sparsified, behaviour: Behaviour, batches: list[Batch]) -> None:
    saved = sparsified.save()
    behaviour.assert_same(sparsified, "after saving")
    before = {name: one.clone() for name, one in tensors(saved.sidecar).items()}
    train(sparsified, batches)
    later_update(sparsified)
    assert_equal(tensors(saved.sidecar), before, "the saved sidecar")


def loads_safely(sparsified: Sparsified, behaviour: Behaviour, restore: Restore) -> None:
    saved = sparsified.save()
    behaviour.assert_same(restore(Saved(reloaded(saved.model), reloaded(saved.sidecar))), "restored from files")


def reloaded(part: Any) -> Any:
    file = io.BytesIO()
    torch.save(part, file)
    file.seek(0)
    try:
        return torch.load(file, weights_only=True)
    except pickle.UnpicklingError as error:
        raise AssertionError(f"weights_only=True: expected a state that loads, seen {error}") from error


def masks_survive_a_cast(
    sparsified: Sparsified, earlier: Mapping[str, Tensor], model: nn.Module, inputs: Tensor
) -> None:
    model.double()
    assert_masks(sparsified, earlier)
    seen = model(inputs.double() if inputs.is_floating_point() else inputs).dtype
    assert seen == torch.float64, f"output after a cast: expected float64, seen {seen}"


def updated_after_a_cast(sparsified: Sparsified, earlier: Mapping[str, Tensor]) -> None:
    sparsified.update()
    assert_masks(sparsified, earlier)


def deep_copy_is_equal(sparsified: Sparsified, behaviour: Behaviour, inputs: Tensor) -> None:
    sparsified.model(inputs)
    twin = copy.deepcopy(sparsified.model)
    behaviour.assert_output(twin, "of the deep copy")
    assert_separate(dict(twin.named_parameters()) | dict(twin.named_buffers()), all_tensors(sparsified))
    for parameter in twin.parameters():
        parameter.data.fill_(7.0)
    behaviour.assert_same(sparsified, "after its deep copy has changed")


def pickle_same(model: nn.Module, behaviour: Behaviour) -> None:
    behaviour.assert_output(pickle.loads(pickle.dumps(model)), "of the unpickled model")


def copy_same(model: nn.Module, behaviour: Behaviour) -> None:
    behaviour.assert_output(copy.deepcopy(model), "of the deep copy")


def loads_into_dense(model: nn.Module, behaviour: Behaviour, fresh: nn.Module) -> None:
    load(fresh, model.state_dict())
    behaviour.assert_output(fresh, "of the dense model with the final state dict")


def updates_like_original(sparsified: Sparsified, restore: Restore, batches: list[Batch]) -> None:
    restored = restore(sparsified.save())
    for one in (sparsified, restored):
        train(one, batches)
    assert_masks(restored, sparsified.masks())
    for one in (restored, sparsified):
        later_update(one)
    assert_masks(restored, sparsified.masks())


def restore_refused(sparsified: Sparsified, restore: Restore, words: tuple[str, ...]) -> None:
    assert_refused(lambda: restore(sparsified.save()), sparsified.model, words)


def statistics_restored(sparsified: Sparsified, restore: Restore, dense: nn.Module) -> None:
    expected = {name: sparsified.model.get_buffer(name).clone() for name, _ in dense.named_buffers()}
    restored = restore(sparsified.save()).model
    assert_equal({name: restored.get_buffer(name) for name in expected}, expected, "restored buffers")


def restore_keeps_flags(sparsified: Sparsified, restore: Restore, fresh: nn.Module) -> None:
    for number, module in enumerate(fresh.modules()):
        module.training = number % 3 == 0
    for number, parameter in enumerate(fresh.parameters()):
        parameter.requires_grad_(number % 2 == 1)
    modes = {name: module.training for name, module in fresh.named_modules()}
    flags = [parameter.requires_grad for parameter in fresh.parameters()]
    model = restore(sparsified.save(), fresh).model
    seen = {name: module.training for name, module in model.named_modules() if name in modes}
    assert seen == modes, f"training flags after restore: expected {modes}, seen {seen}"
    trainable, expected = sum(one.requires_grad for one in model.parameters()), sum(flags)
    assert trainable == expected, f"trainable parameters after restore: expected {expected}, seen {trainable}"


def saved_after_finalize(sparsified: Sparsified, behaviour: Behaviour, restore: Restore) -> None:
    final = sparsified.finalize()
    try:
        restored = restore(sparsified.save())
    except Exception:
        behaviour.assert_output(final, "of the final model")
        return
    behaviour.assert_output(restored.model, "restored from what was saved after finalize")


# ----------------------------------------------------------------- doors of torch


def trace_same(model: nn.Module, behaviour: Behaviour, inputs: Tensor) -> None:
    behaviour.assert_output(torch.jit.trace(model, (inputs,), check_trace=False), "of the trace")


def trace_module_same(model: nn.Module, behaviour: Behaviour, inputs: Tensor) -> None:
    traced = torch.jit.trace_module(model, {"forward": (inputs,)}, check_trace=False)
    behaviour.assert_output(traced, "of the trace")


def trace_reloads(model: nn.Module, behaviour: Behaviour, inputs: Tensor) -> None:
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(model, (inputs,), check_trace=False), file)
    file.seek(0)
    behaviour.assert_output(torch.jit.load(file), "of the loaded trace")


def trace_leaves_model(sparsified: Sparsified, behaviour: Behaviour, inputs: Tensor) -> None:
    before = {name: one.detach().clone() for name, one in all_tensors(sparsified).items()}
    modes = [module.training for module in sparsified.model.modules()]
    torch.jit.trace(sparsified.model, (inputs,), check_trace=False)
    assert_equal(all_tensors(sparsified), before, "the model after it was traced")
    assert [module.training for module in sparsified.model.modules()] == modes, "training flags after tracing differ"
    behaviour.assert_same(sparsified, "after tracing")


def exported(model: nn.Module, inputs: Tensor) -> Any:
    return torch.export.export(model, (inputs,), dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},))


def export_same(model: nn.Module, behaviour: Behaviour, inputs: Tensor) -> None:
    behaviour.assert_output(exported(model, inputs).module(), "of the exported program")


def export_reloads(model: nn.Module, behaviour: Behaviour, inputs: Tensor) -> None:
    file = io.BytesIO()
    torch.export.save(exported(model, inputs), file)
    file.seek(0)
    behaviour.assert_output(torch.export.load(file).module(), "of the loaded program")


def export_leaves_model(sparsified: Sparsified, behaviour: Behaviour, inputs: Tensor) -> None:
    before = {name: one.detach().clone() for name, one in all_tensors(sparsified).items()}
    modes = [module.training for module in sparsified.model.modules()]
    exported(sparsified.model, inputs)
    assert_equal(all_tensors(sparsified), before, "the model after it was exported")
    assert [module.training for module in sparsified.model.modules()] == modes, "training flags after exporting differ"
    behaviour.assert_same(sparsified, "after exporting")


def compiled(model: nn.Module) -> Any:
    return torch.compile(model, backend="aot_eager", fullgraph=True)


def compile_same(model: nn.Module, behaviour: Behaviour) -> None:
    behaviour.assert_output(compiled(model), "of the compiled model")


def compile_sees_update(sparsified: Sparsified, inputs: Tensor, bound: float) -> None:
    model = compiled(sparsified.model)
    model(inputs)
    sparsified.update(0.75)
    Behaviour(sparsified, inputs, bound).assert_output(model, "of the model compiled before the update")


def trained_traces(sparsified: Sparsified, batches: list[Batch], inputs: Tensor, bound: float) -> None:
    train(sparsified, batches)
    trace_same(sparsified.model, Behaviour(sparsified, inputs, bound), inputs)


def restored_as_trained(
    sparsified: Sparsified, batches: list[Batch], restore: Restore, inputs: Tensor, bound: float
) -> None:
    train(sparsified, batches)
    Behaviour(sparsified, inputs, bound).assert_same(restore(sparsified.save()), "trained, saved and restored")

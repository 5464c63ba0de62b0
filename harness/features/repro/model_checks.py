"""The checks of scripts about models and states: one function per requirement, restating its case without sparsecheck.

A failed check raises `Failure`; any other exception is the observed failure itself.
"""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from ...adapter.protocol import Saved
from ...values.plan import Plan
from .check_tools import (
    Failure,
    assert_build,
    assert_equal,
    assert_masks,
    assert_unchanged,
    assert_used,
    build,
    copied,
    dense_model,
    dense_weights,
    flags,
    learn,
    leaves,
    masked,
    masks_of,
    require,
    restored,
    resumed,
    said,
    sparsified,
    tensors,
)
from .placeholders import (
    ADAPTER,
    CONTEXT,
    DTYPE,
    LEVEL,
    MASK_STORAGE,
    OTHER_PLAN,
    PLAN,
    WORDS,
    WRONG_PLANS,
    OtherModel,
    inputs,
)

# -------------------------------------------------------------------------------------------- REG


def assert_named(error: Exception, words: Iterable[str]) -> None:
    named = any(word.lower() in str(error).lower() for word in words)
    require(named, f"an error whose message names one of {', '.join(words)}", said(error))


def assert_refused() -> None:
    """Raise unless an unsupported capability is refused with an error that names it."""
    try:
        sparsified()
    except Exception as error:
        assert_named(error, WORDS)
    else:
        raise Failure(f"an error that names one of {', '.join(WORDS)}", "attach and update went through")


def assert_wrong_plans() -> None:
    for plan, words in WRONG_PLANS:
        try:
            sparsified(plan=plan)
        except Exception as error:
            assert_named(error, words)
        else:
            raise Failure(f"an error that names one of {', '.join(words)}", "attach and update went through")


def assert_other_sizes() -> None:
    for name, pattern in OTHER_PLAN.patterns.items():
        words = (name, name.rpartition(".")[0])
        try:
            sparsified(dense_model(kind=OtherModel), Plan({name: pattern}))
        except Exception as error:
            assert_named(error, words)
        else:
            raise Failure(f"an error that names one of {', '.join(words)}", "attach and update went through")


def assert_modes() -> None:
    for every_third in (True, False):
        model = dense_model().eval()
        modules = dict(model.named_modules())
        for position, module in enumerate(modules.values()):
            module.training = every_third and position % 3 == 0
        expected = {name: module.training for name, module in modules.items()}
        sparsified(model)
        for name, module in modules.items():
            what = f"training={{}} on {name or 'the model'}"
            require(module.training == expected[name], what.format(expected[name]), what.format(module.training))


def assert_attached_twice() -> None:
    once, first = sparsified(), ADAPTER.attach(dense_model(), PLAN, CONTEXT)
    try:
        twice = ADAPTER.attach(first.model, PLAN, CONTEXT)
    except Exception as error:
        assert_named(error, (*PLAN.names, "already", "twice"))
        twice = first
    twice.update()
    for name, mask in twice.masks().items():
        require(not mask.all(), f"{name} is pruned, attached to once or twice", f"{name} is planned, but its mask keeps"
                " all")
    assert_masks(twice, once.masks(), "the masks of a model that was attached to once")
    assert_build(twice.model, build(once.model), "as attached to once")


def assert_finalized_build() -> None:
    assert_build(sparsified().finalize(), build(dense_model()), "as in the dense model")


def unusual(model: nn.Module) -> dict[str, bool]:
    for position, module in enumerate(model.modules()):
        module.training = position % 3 == 0
    for position, parameter in enumerate(model.parameters()):
        parameter.requires_grad_(position % 2 == 1)
    return flags(model)


def assert_flags(seen: dict[str, bool], expected: dict[str, bool]) -> None:
    for name, before in expected.items():
        after = seen.get(name, before)
        require(after == before, f"{name} is {before}, as before", f"{name} is {after}")


def assert_finalized_flags() -> None:
    model = dense_model()
    expected = unusual(model)
    assert_flags(flags(sparsified(model).finalize()), expected)


def assert_train_flags() -> None:
    model = dense_model()
    expected = unusual(model)
    seen = flags(sparsified(model).model)
    assert_flags(seen, {name: flag for name, flag in expected.items() if name.endswith(".training")})


def assert_frozen_stay_frozen() -> None:
    model = dense_model()
    expected = unusual(model)
    seen = flags(sparsified(model).model)
    assert_flags(seen, {name: flag for name, flag in expected.items() if name.endswith(".requires_grad")})


def assert_gradients_stay() -> None:
    model = dense_model()
    model(inputs("gradient")).sum().backward()
    parameters = dict(model.named_parameters())
    before = {name: one.grad.clone() for name, one in parameters.items() if one.grad is not None}
    attached = sparsified(model)
    now = {**parameters, **dense_weights(attached.model)}
    for name, expected in before.items():
        what = f"gradient of {name}, gathered before attach"
        seen = now[name].grad
        if seen is None:
            raise Failure(f"the {what}", f"no {what}")
        assert_equal(seen, expected, what, f"the {what}")


# ------------------------------------------------------------------------------------------ STATE


def assert_own_state_dict() -> None:
    attached = sparsified()
    state = copy.deepcopy(attached.model.state_dict())
    learn(attached)
    try:
        attached.model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise Failure("a model loads its own state dict", " ".join(str(error).split()).partition(": ")[2]) from error


def assert_restored_twice() -> None:
    donor = sparsified()
    masks, saved = masks_of(donor), donor.save()
    for _ in ("first", "second"):
        assert_masks(resumed(saved), masks, "the masks that were saved, as often as they are restored")


def assert_saved_left_alone() -> None:
    saved = sparsified().save()
    state = {"model": saved.model, "sidecar": saved.sidecar}
    before = copied(state)
    attached = restored(saved)
    learn(attached)
    attached.update(LEVEL)
    assert_unchanged(state, before, "what was saved stays as it is when what was restored from it is trained")


def assert_separate_storage(restored_tensors: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> None:
    owners = {one.untyped_storage().data_ptr(): name for name, one in others.items() if one.numel()}
    for name, one in restored_tensors.items():
        owner = owners.get(one.untyped_storage().data_ptr()) if one.numel() else None
        require(owner is None, "no tensor of what was restored is the donor's", f"{name} shares storage with {owner}")


def assert_no_shared_storage() -> None:
    donor = sparsified()
    saved = donor.save()
    state = leaves({"model": saved.model, "sidecar": saved.sidecar})
    attached = restored(saved)
    assert_separate_storage(tensors(attached), {path: one for path, one in state.items() if isinstance(one, Tensor)})
    assert_separate_storage(tensors(attached), tensors(donor))


def assert_resume_of_a_resume() -> None:
    donor = sparsified()
    masks, first = masks_of(donor), resumed(donor.save())
    assert_masks(resumed(first.save()), masks, "the masks of the first run, resumed and resumed again")


def assert_sidecar_is_a_snapshot() -> None:
    attached = sparsified()
    saved = attached.save()
    before = copied(saved.sidecar)
    learn(attached)
    attached.update(LEVEL)
    assert_unchanged(saved.sidecar, before, "what was saved stays as it is when the run goes on")


def assert_other_shape_refused() -> None:
    own, foreign = sparsified().save(), sparsified(dense_model(kind=OtherModel), OTHER_PLAN).save()
    states = {"a state saved from weights of other shapes": foreign}
    if MASK_STORAGE in ("sidecar", "both"):
        states["a sidecar saved from weights of other shapes"] = Saved(own.model, foreign.sidecar)
    layers = [name.rpartition(".")[0] for name in PLAN.names]
    for what, saved in states.items():
        try:
            restored(saved)
        except Exception as error:
            assert_named(error, layers)
        else:
            raise Failure(f"an error that names one of {', '.join(layers)}", f"{what} is restored")


def through_file(value: object, what: str) -> object:
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    try:
        return torch.load(file, weights_only=True)
    except pickle.UnpicklingError as error:
        why = next(iter(line for line in str(error).splitlines() if "nsupported" in line), "").partition(". ")[0]
        what = f"{what} does not load with weights_only=True: {why.strip()}"
        raise Failure("what was saved loads with weights_only=True", what) from error


def assert_loads_safely() -> None:
    saved = sparsified().save()
    for what, part in (("the saved model", saved.model), ("the saved sidecar", saved.sidecar)):
        through_file(part, what)


def assert_deep_copy() -> None:
    attached = sparsified()
    expected = masked(dense_model(), attached.masks())
    attached.model(inputs("forward, for its gradients"))
    assert_used(copy.deepcopy(attached.model), expected, "a deep copy computes as its original does")


def assert_saved_after_a_cast() -> None:
    attached = ADAPTER.attach(dense_model(dtype=torch.float32), PLAN, CONTEXT)
    attached.model.to(DTYPE)
    attached.update()
    masks = masks_of(attached)
    assert_masks(resumed(attached.save()), masks, "the masks as they were when they were saved")


# ------------------------------------------------------------------------------------------ TRACE


def compiled(model: nn.Module) -> object:
    return torch.compile(model, backend="aot_eager", fullgraph=True)(inputs("fresh"))


def assert_compiles_whole() -> None:
    compiled(sparsified().model)

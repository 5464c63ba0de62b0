"""One function a requirement: does what its case does, in a script's own terms. What it raises is what is seen."""

from __future__ import annotations

import copy
import io
import os
import pickle
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from ...adapter.protocol import Saved
from ...values.pattern import Block, Channel, Pattern
from ...values.plan import Plan
from .placeholders import (
    ADAPTER,
    BEFORE,
    CONTEXT,
    DEVICE,
    DTYPE,
    LEVEL,
    MASK_STORAGE,
    MONOTONE,
    OTHER_PLAN,
    PLAN,
    SCORE,
    SLACK,
    TOLERANCE,
    WORDS,
    WRONG_PLANS,
    OtherModel,
    asked,
    inputs,
)
from .tools import (
    Failure,
    build,
    copied,
    dense_model,
    dense_weights,
    flags,
    judge_build,
    judge_equal,
    judge_masks,
    judge_unchanged,
    judge_used,
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


def judge_runs() -> None:
    """Attach, update and forward go through."""
    sparsified().model(inputs("fresh"))


# ------------------------------------------------------------------------------------------- MASK


def judge_forward_uses_masked() -> None:
    attached = sparsified()
    judge_used(attached.model, masked(dense_model(), attached.masks()), "the dense weight where kept, else zero")


def judge_output_of_masked() -> None:
    attached, plain = sparsified(), dense_model()
    for name, weight in masked(plain, attached.masks()).items():
        plain.get_parameter(name).data.copy_(weight)
    one = inputs("fresh")
    seen = attached.model(one).double()
    expected = plain.double()(one.double() if one.is_floating_point() else one)
    wrong = (~torch.isclose(seen, expected, rtol=TOLERANCE, atol=TOLERANCE)).nonzero().tolist()
    require(not wrong, "the output of the dense model with the removed entries zero", f"output of the sparse model for "
            f"a batch of 3 of shape {tuple(seen.shape)} differs at {len(wrong)} of {seen.numel()} entries")


def judge_count(masks: Mapping[str, Tensor], level: float) -> None:
    for name, mask in masks.items():
        seen, expected = int((~mask).sum()), asked(level, mask.numel())
        what = f"mask of {name} removes {{}} of {mask.numel()} units"
        require(seen == expected, what.format(expected), what.format(seen))


def levels() -> dict[str, float]:
    return {name: vars(pattern)["level"] for name, pattern in PLAN.patterns.items()}


def judge_counts() -> None:
    masks = sparsified().masks()
    for name, level in levels().items():
        judge_count({name: masks[name]}, level)


def judge_counts_of_equals() -> None:
    model = dense_model()
    for name in PLAN.names:
        weight = model.get_parameter(name).detach()
        weight.copy_(weight.sign() / 4)
    masks = sparsified(model).masks()
    for name, level in levels().items():
        judge_count({name: masks[name]}, level)


def judge_lowered_counts() -> None:
    attached = sparsified()
    for level in (0.3, 0.0):
        attached.update(level)
        judge_count(attached.masks(), level)


def unit_scores(weight: Tensor, pattern: Pattern) -> Tensor:
    """The sum over the entries of each unit that is kept or removed whole."""
    power = weight.detach().double().abs() ** SCORE
    if isinstance(pattern, Channel):
        return power.transpose(0, pattern.dim).flatten(1).sum(1)
    if isinstance(pattern, Block):
        high, wide = pattern.shape
        blocks = power.reshape(power.shape[0] // high, high, power.shape[1] // wide, wide)
        return blocks.sum((1, 3)).flatten()
    return power.flatten()


def judge_kept(scores: Tensor, kept: Tensor, what: str) -> None:
    """No unit removed scores above one that is kept."""
    lowest, removed = scores[kept].min(), scores[~kept]
    better = int((removed > lowest * (1 + SLACK)).sum())
    rule = f"{what} removes no unit that scores above one it keeps"
    require(not better, rule, f"{what} removes {better} of {len(removed)} units that score above one it keeps")


def judge_each_kept(weights: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> None:
    for name, pattern in PLAN.patterns.items():
        kept = unit_scores(masks[name], pattern) > 0
        judge_kept(unit_scores(weights[name], pattern), kept, f"mask of {name}")


def judge_highest_kept() -> None:
    model = dense_model()
    judge_each_kept({name: model.get_parameter(name) for name in PLAN.names}, sparsified().masks())


def judge_ranked_together() -> None:
    model, masks = dense_model(), sparsified().masks()
    weights = torch.cat([model.get_parameter(name).detach().double().flatten() for name in PLAN.names])
    kept = torch.cat([masks[name].flatten() for name in PLAN.names])
    judge_kept(weights.abs() ** SCORE, kept, f"masks of {' and '.join(PLAN.names)} together")


def judge_raised_level() -> None:
    """What was removed is made the largest, as training might make it; then more is to be removed."""
    attached = sparsified()
    before, weights = masks_of(attached), dense_weights(attached.model)
    for weight in weights.values():
        size = weight.detach().abs()
        weight.detach().copy_(size.max() - size + 0.01)
    dense = {name: weight.detach().double() for name, weight in weights.items()}
    attached.update(0.6)
    if MONOTONE:
        dense = {name: torch.where(before[name], weight, 0.0) for name, weight in dense.items()}
    judge_each_kept(dense, attached.masks())


def is_torchs(function: object) -> bool:
    """Torch wraps some of its own itself."""
    code = getattr(function, "__code__", None)
    return code is not None and code.co_filename.startswith(os.path.dirname(torch.__file__) + os.sep)


def judge_import() -> None:
    changed = []
    for home, functions in BEFORE.items():
        for name, one in functions.items():
            now = getattr(home, name, None)
            if vars(home).get(name) is not one and not isinstance(one, type) and not is_torchs(now):
                changed.append(f"{getattr(home, '__qualname__', home.__name__)}.{name}")
    require(not changed, "importing the package leaves torch's functions as they were", ", ".join(changed))


def judge_poisoned() -> None:
    model = dense_model()
    masks = {name: torch.tensor(vars(pattern)["mask"], device=DEVICE) for name, pattern in PLAN.patterns.items()}
    for name, mask in masks.items():
        poison = torch.tensor([torch.nan, torch.inf, -torch.inf], device=DEVICE, dtype=DTYPE)
        model.get_parameter(name).detach()[~mask] = poison.repeat(mask.numel())[: int((~mask).sum())]
    expected = masked(model, masks)
    judge_used(sparsified(model).model, expected, "zero where an entry is removed, whatever stands there")


# -------------------------------------------------------------------------------------------- REG


def judge_named(error: Exception, words: Iterable[str]) -> None:
    named = any(word.lower() in str(error).lower() for word in words)
    require(named, f"an error whose message names one of {', '.join(words)}", said(error))


def judge_refused() -> None:
    """What is not offered is refused with an error that names it."""
    try:
        sparsified()
    except Exception as error:
        judge_named(error, WORDS)
    else:
        raise Failure(f"an error that names one of {', '.join(WORDS)}", "attach and update went through")


def judge_wrong_plans() -> None:
    for plan, words in WRONG_PLANS:
        try:
            sparsified(plan=plan)
        except Exception as error:
            judge_named(error, words)
        else:
            raise Failure(f"an error that names one of {', '.join(words)}", "attach and update went through")


def judge_other_sizes() -> None:
    for name, pattern in OTHER_PLAN.patterns.items():
        words = (name, name.rpartition(".")[0])
        try:
            sparsified(dense_model(kind=OtherModel), Plan({name: pattern}))
        except Exception as error:
            judge_named(error, words)
        else:
            raise Failure(f"an error that names one of {', '.join(words)}", "attach and update went through")


def judge_modes() -> None:
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


def judge_attached_twice() -> None:
    once, first = sparsified(), ADAPTER.attach(dense_model(), PLAN, CONTEXT)
    try:
        twice = ADAPTER.attach(first.model, PLAN, CONTEXT)
    except Exception as error:
        judge_named(error, (*PLAN.names, "already", "twice"))
        twice = first
    twice.update()
    for name, mask in twice.masks().items():
        require(not mask.all(), f"{name} is pruned, attached to once or twice", f"{name} is planned, but its mask keeps"
                " all")
    judge_masks(twice, once.masks(), "the masks of a model that was attached to once")
    judge_build(twice.model, build(once.model), "as attached to once")


def judge_finalized_build() -> None:
    judge_build(sparsified().finalize(), build(dense_model()), "as in the dense model")


def unusual(model: nn.Module) -> dict[str, bool]:
    for position, module in enumerate(model.modules()):
        module.training = position % 3 == 0
    for position, parameter in enumerate(model.parameters()):
        parameter.requires_grad_(position % 2 == 1)
    return flags(model)


def judge_flags(seen: dict[str, bool], expected: dict[str, bool]) -> None:
    for name, before in expected.items():
        after = seen.get(name, before)
        require(after == before, f"{name} is {before}, as before", f"{name} is {after}")


def judge_finalized_flags() -> None:
    model = dense_model()
    expected = unusual(model)
    judge_flags(flags(sparsified(model).finalize()), expected)


def judge_train_flags() -> None:
    model = dense_model()
    expected = unusual(model)
    seen = flags(sparsified(model).model)
    judge_flags(seen, {name: flag for name, flag in expected.items() if name.endswith(".training")})


def judge_frozen_stay_frozen() -> None:
    model = dense_model()
    expected = unusual(model)
    seen = flags(sparsified(model).model)
    judge_flags(seen, {name: flag for name, flag in expected.items() if name.endswith(".requires_grad")})


def judge_gradients_stay() -> None:
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
        judge_equal(seen, expected, what, f"the {what}")


# ------------------------------------------------------------------------------------------ STATE


def judge_own_state_dict() -> None:
    attached = sparsified()
    state = copy.deepcopy(attached.model.state_dict())
    learn(attached)
    try:
        attached.model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise Failure("a model loads its own state dict", " ".join(str(error).split()).partition(": ")[2]) from error


def judge_restored_twice() -> None:
    donor = sparsified()
    masks, saved = masks_of(donor), donor.save()
    for _ in ("first", "second"):
        judge_masks(resumed(saved), masks, "the masks that were saved, as often as they are restored")


def judge_saved_left_alone() -> None:
    saved = sparsified().save()
    state = {"model": saved.model, "sidecar": saved.sidecar}
    before = copied(state)
    attached = restored(saved)
    learn(attached)
    attached.update(LEVEL)
    judge_unchanged(state, before, "what was saved stays as it is when what was restored from it is trained")


def judge_apart(these: Mapping[str, Tensor], those: Mapping[str, Tensor]) -> None:
    owners = {one.untyped_storage().data_ptr(): name for name, one in those.items() if one.numel()}
    for name, one in these.items():
        owner = owners.get(one.untyped_storage().data_ptr()) if one.numel() else None
        require(owner is None, "no tensor of what was restored is the donor's", f"{name} shares storage with {owner}")


def judge_no_shared_storage() -> None:
    donor = sparsified()
    saved = donor.save()
    attached = restored(saved)
    state = leaves({"model": saved.model, "sidecar": saved.sidecar})
    judge_apart(tensors(attached), {path: one for path, one in state.items() if isinstance(one, Tensor)})
    judge_apart(tensors(attached), tensors(donor))


def judge_resume_of_a_resume() -> None:
    donor = sparsified()
    masks, first = masks_of(donor), resumed(donor.save())
    judge_masks(resumed(first.save()), masks, "the masks of the first run, resumed and resumed again")


def judge_sidecar_is_a_snapshot() -> None:
    attached = sparsified()
    saved = attached.save()
    before = copied(saved.sidecar)
    learn(attached)
    attached.update(LEVEL)
    judge_unchanged(saved.sidecar, before, "what was saved stays as it is when the run goes on")


def judge_other_shape_refused() -> None:
    own, foreign = sparsified().save(), sparsified(dense_model(kind=OtherModel), OTHER_PLAN).save()
    told = {"a state saved from weights of other shapes": foreign}
    if MASK_STORAGE in ("sidecar", "both"):
        told["a sidecar saved from weights of other shapes"] = Saved(own.model, foreign.sidecar)
    layers = [name.rpartition(".")[0] for name in PLAN.names]
    for what, saved in told.items():
        try:
            restored(saved)
        except Exception as error:
            judge_named(error, layers)
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


def judge_loads_safely() -> None:
    saved = sparsified().save()
    for what, part in (("the saved model", saved.model), ("the saved sidecar", saved.sidecar)):
        through_file(part, what)


def judge_deep_copy() -> None:
    attached = sparsified()
    expected = masked(dense_model(), attached.masks())
    attached.model(inputs("forward, for its gradients"))
    judge_used(copy.deepcopy(attached.model), expected, "a deep copy computes as its original does")


def judge_saved_after_a_cast() -> None:
    attached = ADAPTER.attach(dense_model(dtype=torch.float32), PLAN, CONTEXT)
    attached.model.to(DTYPE)
    attached.update()
    masks = masks_of(attached)
    judge_masks(resumed(attached.save()), masks, "the masks as they were when they were saved")


# ------------------------------------------------------------------------------------------ TRACE


def compiled(model: nn.Module) -> object:
    return torch.compile(model, backend="aot_eager", fullgraph=True)(inputs("fresh"))


def judge_compiles_whole() -> None:
    compiled(sparsified().model)


BY_REQUIREMENT = {
    "MASK-01": judge_forward_uses_masked, "MASK-02": judge_output_of_masked, "MASK-05": judge_counts,
    "MASK-06": judge_highest_kept, "MASK-08": judge_highest_kept, "MASK-12": judge_highest_kept,
    "MASK-14": judge_ranked_together, "MASK-19": judge_import, "MASK-21": judge_poisoned,
    "MASK-22": judge_counts_of_equals,
    "MASK-24": judge_raised_level, "MASK-25": judge_lowered_counts, "MASK-30": judge_forward_uses_masked,
    "REG-07": judge_modes, "REG-08": judge_attached_twice, "REG-09": judge_wrong_plans, "REG-11": judge_wrong_plans,
    "REG-13": judge_finalized_build, "REG-16": judge_finalized_flags, "REG-19": judge_gradients_stay,
    "REG-22": judge_other_sizes,
    "STATE-03": judge_own_state_dict, "STATE-05": judge_restored_twice, "STATE-06": judge_saved_left_alone,
    "STATE-07": judge_no_shared_storage, "STATE-08": judge_resume_of_a_resume,
    "STATE-09": judge_sidecar_is_a_snapshot, "STATE-10": judge_other_shape_refused, "STATE-11": judge_loads_safely,
    "STATE-14": judge_deep_copy, "STATE-17": judge_saved_after_a_cast,
    "STRUCT-11": judge_train_flags, "STRUCT-12": judge_frozen_stay_frozen,
    "TRACE-10": judge_compiles_whole, "TRACE-11": judge_compiles_whole,
}
"""What a script judges by, where the refusal of something unsupported is not what is judged."""

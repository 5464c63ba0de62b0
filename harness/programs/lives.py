"""The program that a cell is: its network and plan, the steps of its requirement, and the checks after them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from msgspec.structs import replace

from ..errors import SparsecheckError
from ..trials.trial import Trial
from ..values.network import Layer, Network
from ..values.pattern import Band, Block, Channel, Given, NofM, Pattern, Unstructured
from ..values.program import Dtype, LayerKind, Memory, PatternKind, Program, ProgramLayer, Removal, Values
from ..values.steps import Attach, Finalize, Step, Update
from . import finalize_checks as final
from . import life_checks as odd
from . import mask_checks as mask
from . import model_checks as model
from . import optimizer_checks as optimizer
from . import state_checks as state
from . import training_checks as training

Check = Callable[..., Any]
Item = Step | Check


class NoProgram(SparsecheckError):
    """Raised for a cell that is no program; the message says why."""


@dataclass(frozen=True)
class Life:
    """What a requirement's cells do with their network and plan.

    Attributes:
        items: Steps, and checks, which are functions whose parameters are the names of a script's variables. A check
            whose name starts with `get_` gives the variable of the rest of its name, up to `_by_`.
        values: The kind of values that planned weights have.
        forgives: Whether the last check may raise anything but an `AssertionError`.
    """

    items: tuple[Item, ...]
    values: Values = "distinct"
    forgives: bool = False

    @property
    def steps(self) -> tuple[Step, ...]:
        """Return the steps alone."""
        return tuple(one for one in self.items if not callable(one))


_ATTACH, _UPDATE, _FINALIZE = Attach(), Update(), Finalize()


def _after(*checks: Item, values: Values = "distinct") -> Life:
    """Attach and update, then check."""
    return Life((_ATTACH, _UPDATE, *checks), values)


def _ranked(*checks: Item, values: Values = "distinct") -> Life:
    """Remember the weights, attach and update, then check."""
    return Life((mask.get_scored, _ATTACH, _UPDATE, *checks), values)


def _around(before: Check, *checks: Item) -> Life:
    """Do something to the dense model, attach and update, then check."""
    return Life((before, _ATTACH, _UPDATE, *checks))


def _remembering(*checks: Item) -> Life:
    """Remember masks and output after the update."""
    return _after(state.get_behaviour, *checks)


def _trained(*steps: Item) -> Life:
    """Train, and check that the model has learned and stayed sparse."""
    return _after(training.get_start, *steps, training.sparse_and_learned)


def _forgiving(check: Check) -> Life:
    """Remember masks and output, and go through a door of torch, for which nothing is promised but a right output."""
    return Life((_ATTACH, _UPDATE, state.get_behaviour, check), forgives=True)


def _through_updates(*checks: Item, first: Item = optimizer.train_twin) -> Life:
    """Train by one optimizer through two updates, and check after each; `first` is done before them."""
    return Life((_ATTACH, optimizer.get_twin_by_momentum, first, _UPDATE, *checks, Update(level=0.75), *checks))


_COUNTED = (mask.counts, mask.whole_units)

LIVES: dict[str, Life] = {
    "SMOKE-01": _after(model.runs),
    "SMOKE-02": _after(mask.masks_form),
    "SMOKE-03": _after(mask.plan_applied, mask.output_of_masked),
    "SMOKE-04": _after(training.something_learns),
    "SMOKE-05": _after(state.restored_runs),
    "SMOKE-06": _after(_FINALIZE, model.runs),
    "MASK-01": _after(mask.output_of_masked),
    "MASK-02": _after(mask.output_of_masked),
    "MASK-03": _after(mask.stated_masks),
    "MASK-04": _after(mask.masks_form),
    "MASK-05": _after(mask.counts),
    "MASK-06": _ranked(mask.highest_kept),
    "MASK-07": _after(mask.counts, mask.whole_units),
    "MASK-08": _ranked(mask.highest_kept),
    "MASK-09": _after(mask.counts, mask.groups_kept),
    "MASK-10": _ranked(mask.highest_kept),
    "MASK-11": _after(mask.counts, mask.whole_units),
    "MASK-12": _ranked(mask.highest_kept),
    "MASK-13": _after(mask.stated_masks),
    "MASK-14": _ranked(mask.counts_together, mask.highest_kept_together, Update(level=0.6),
                       mask.counts_together),
    "MASK-15": _after(mask.masked_gradients),
    "MASK-16": _after(mask.others_unchanged),
    "MASK-17": Life((mask.same_from_same_state,)),
    "MASK-18": Life((mask.random_states_kept,)),
    "MASK-20": _after(mask.form_kept),
    "MASK-21": _around(mask.poison, mask.output_of_masked),
    "MASK-22": _after(mask.counts, mask.ties_by_index, values="equal"),
    "MASK-23": _after(mask.counts),
    "MASK-24": _after(mask.reverse_scores, mask.get_scored, Update(level=0.6), mask.counts, mask.highest_kept),
    "MASK-25": _after(Update(level=0.3), mask.counts, Update(level=0.0), mask.counts, _UPDATE, mask.counts),
    "MASK-26": Life((mask.same_in_every_mode,)),
    "MASK-27": Life((_ATTACH, mask.unmasked_before_update, _UPDATE, mask.plan_applied, mask.forward_keeps_masks)),
    "MASK-29": Life((mask.random_as_declared,)),
    "MASK-30": _after(mask.output_of_masked),
    "MASK-31": _after(mask.stated_masks, mask.counts),
    "MASK-32": _after(mask.same_for_other_weights),
    "MASK-33": _ranked(*_COUNTED, mask.highest_kept, values="zeros"),
    "MASK-34": _ranked(*_COUNTED, mask.highest_kept),
    "MASK-35": _after(mask.reverse_scores, mask.get_scored, _UPDATE, mask.counts, mask.highest_kept),
    "MASK-40": _after(
        Update(level=1, type="int"), mask.counts, Update(level=0.75, type="numpy"), mask.counts,
        Update(level=0, type="int"), mask.counts,
    ),
    "MASK-41": _after(mask.counts, values="nan"),
    "REG-02": _after(model.dense_kept),
    "REG-03": _around(model.freeze_every_other, model.frozen_kept),
    "REG-04": _around(model.get_held, model.same_objects, model.order_kept),
    "REG-05": _after(model.parameters_counted, model.masks_are_buffers),
    "REG-06": _around(model.get_ran, model.forward_hooks_run),
    "REG-07": _around(model.unusual_modes, model.modes_kept),
    "REG-08": _after(model.attached_twice),
    "REG-09": Life((model.unknown_refused,)),
    "REG-11": Life((model.wrong_shape_refused,)),
    "REG-12": _after(final.finalized_weights),
    "REG-13": _after(final.finalized_build),
    "REG-14": _remembering(_FINALIZE, state.same_output),
    "REG-15": _after(mask.layers_alone),
    "REG-16": Life((model.unusual_modes, model.freeze_every_other, model.get_ran, _ATTACH, _UPDATE,
                    final.finalized_flags)),
    "REG-17": _after(model.no_gradients_left),
    "REG-18": Life((model.freed,)),
    "REG-19": _around(model.get_gradients, model.gradients_kept),
    "REG-20": _around(model.get_backward_ran, model.backward_hooks_run),
    "REG-21": _after(model.buffers_kept),
    "REG-23": _around(model.get_plan_before, model.arguments_kept),
    "REG-24": _after(model.names_kept),
    "REG-25": _around(model.get_plain, model.works_in_place),
    "REG-26": _after(model.trained_is_used),
    "REG-30": _around(model.get_every_ran, model.every_hook_runs, _FINALIZE, model.every_hook_runs),
    "REG-32": _after(final.finalized_again, final.updated_after_finalize),
    "REG-33": _around(model.channels_last, model.format_kept),
    "REG-34": _after(final.finalized_order),
    "STATE-01": _remembering(state.restored_same),
    "STATE-03": _remembering(state.own_state_loads),
    "STATE-05": _remembering(state.restored_twice),
    "STATE-06": _after(state.saved_left_alone),
    "STATE-07": _after(state.shares_no_storage),
    "STATE-08": _remembering(state.resumed_resume),
    "STATE-09": _remembering(state.sidecar_is_a_snapshot),
    "STATE-11": _remembering(state.loads_safely),
    "STATE-12": _remembering(_FINALIZE, state.loads_into_dense),
    "STATE-13": _after(mask.get_earlier, state.masks_survive_a_cast, state.updated_after_a_cast),
    "STATE-14": _remembering(state.deep_copy_is_equal),
    "STATE-15": _after(state.updates_like_original),
    "STATE-19": _after(state.restore_keeps_flags),
    "STATE-20": _after(state.restored_as_trained),
    "STATE-21": _after(training.train_by_sgd, state.statistics_restored),
    "STATE-22": _forgiving(state.pickle_same),
    "STATE-30": _remembering(state.saved_after_finalize),
    "STATE-31": _remembering(state.own_state_assigned),
    "TRACE-01": _remembering(state.trace_same),
    "TRACE-02": _remembering(state.trace_module_same),
    "TRACE-03": _remembering(state.trace_reloads),
    "TRACE-04": _remembering(state.trace_leaves_model),
    "TRACE-05": _remembering(_FINALIZE, state.trace_same),
    "TRACE-06": _remembering(state.export_same),
    "TRACE-07": _remembering(state.export_reloads),
    "TRACE-08": _remembering(state.export_leaves_model),
    "TRACE-09": _remembering(_FINALIZE, state.export_same),
    "TRACE-10": _remembering(state.compile_same),
    "TRACE-11": _after(state.compile_sees_update),
    "TRACE-12": _remembering(_FINALIZE, state.compile_same),
    "TRACE-13": _after(state.trained_traces),
    "TRAIN-01": _trained(training.train_by_sgd),
    "TRAIN-02": _trained(training.train_by_adamw),
    "TRAIN-03": _after(training.steps_by_sums),
    "TRAIN-04": _trained(training.train_under_autocast),
    "TRAIN-05": Life((training.get_optimizer, _ATTACH, _UPDATE, training.get_start, training.train_by_earlier_optimizer,
                      training.sparse_and_learned)),
    "TRAIN-06": _after(training.train_by_sgd, Update(level=0.75), mask.counts, training.get_start,
                       training.train_by_sgd, training.sparse_and_learned),
    "TRAIN-07": _after(training.train_by_sgd, final.finalized_as_trained),
    "TRAIN-08": _after(training.train_by_sgd, _UPDATE, mask.counts, training.train_by_sgd, _UPDATE, mask.counts),
    "TRAIN-09": _after(training.trains_like_plain),
    "TRAIN-10": _after(mask.get_earlier, Update(level=0.25), training.regrown_train),
    "TRAIN-20": Life((training.updated_without_gradients,)),
    "OPTIM-01": _through_updates(optimizer.stays_zero),
    "OPTIM-02": _through_updates(optimizer.train_both, first=optimizer.train_both_dense),
    "OPTIM-04": _through_updates(optimizer.clipped_alike),
    "OPTIM-05": _after(optimizer.get_twin_by_momentum, optimizer.resumed_alike),
    "OPTIM-06": _around(optimizer.get_listed, optimizer.order_as_before),
    "OPTIM-07": _after(optimizer.get_twin_by_momentum, optimizer.step_hooks_run),
    "OPTIM-08": _after(optimizer.get_twin_by_momentum, optimizer.backward_after_update),
    "LIFE-02": Life((_ATTACH, odd.finalized_before_update)),
    "LIFE-03": _after(odd.levels_refused),
    "LIFE-06": _remembering(odd.copied_sparsifier),
    "LIFE-08": _after(odd.saved_is_small),
    "LIFE-14": _remembering(odd.pickled_sparsifier),
    **dict.fromkeys(
        ("REFUSE-01", "REFUSE-02", "REFUSE-03", "REFUSE-04", "REFUSE-05", "REFUSE-15", "REFUSE-16"),
        Life((model.plan_refused,)),
    ),
    "REFUSE-08": _after(model.reupdate_refused),
    "REFUSE-09": _after(model.relevel_refused),
    "REFUSE-10": _after(model.finalize_refused),
    "REFUSE-11": _after(state.restore_refused),
    "REFUSE-12": _forgiving(state.trace_same),
    "REFUSE-13": _forgiving(state.export_same),
    "REFUSE-14": _forgiving(state.compile_same),
    "REFUSE-17": _forgiving(state.trace_reloads),
    "REFUSE-18": _forgiving(state.copy_same),
    "DECLARE-02": _after(mask.counts, mask.whole_units, mask.ties_by_index, values="equal"),
    "DECLARE-03": _ranked(*_COUNTED, mask.highest_kept, mask.output_of_masked),
    "DECLARE-04": _ranked(*_COUNTED, mask.highest_kept, mask.output_of_masked),
    "DECLARE-05": _ranked(*_COUNTED, mask.highest_kept, mask.output_of_masked),
    "DECLARE-06": _after(mask.stated_masks),
    "DECLARE-07": _ranked(mask.stated_masks, *_COUNTED, mask.highest_kept, mask.output_of_masked),
    "DECLARE-08": _after(mask.get_earlier, mask.reverse_scores, _UPDATE, mask.subset_of_earlier),
    "DECLARE-09": _after(mask.get_earlier, _UPDATE, mask.drawn_again),
    "DECLARE-10": Life((_ATTACH, Update(level=0.6), mask.counts, _UPDATE, mask.counts)),
    "DECLARE-12": Life((training.get_optimizer, training.train_before, _ATTACH, _UPDATE, training.rezeroed_by_package)),
}
"""The life of every requirement whose cells are programs."""

_OTHERWISE: dict[str, dict[tuple[str, str], Life | None]] = {
    "MASK-24": {("regrowth", "monotone"): _after(
        mask.get_earlier, mask.reverse_scores, mask.get_scored, mask.forget_removed, Update(level=0.6), mask.counts,
        mask.subset_of_earlier, mask.highest_kept,
    )},
    "MASK-27": {("masks_at", "attach"): Life((_ATTACH, mask.plan_applied, _UPDATE, mask.forward_keeps_masks))},
    "REG-15": {("alone", "dense"): None, ("holds", "forward"): None},
    "REG-24": {("names", "prefixed"): None},
    "REG-25": {("attaches", "copy"): _around(model.get_plain, model.original_kept)},
    "REG-26": {("trained", "reparametrized"): _after(model.trained_is_not_used)},
    "DECLARE-12": {("rezeroed_by", "user"): None},
    "OPTIM-02": {("masks_at", "attach"): _through_updates(optimizer.train_both, first=optimizer.train_both)},
    "OPTIM-06": {
        ("attaches", "copy"): None,
        ("parameter_order", "changed"): _around(optimizer.get_listed, optimizer.order_changed),
    },
}
"""By requirement and value of a clause, the life under another contract than most; None if it is no program."""

WHY: dict[str, str] = {
    **dict.fromkeys(("MASK-19", "PROCESS-01", "PROCESS-02"), "it judges the process, not one program"),
    "MASK-28": "it compares with stored tensors",
    **dict.fromkeys(("REG-01", "DECLARE-01"), "it judges the declaration, not one program"),
    **dict.fromkeys(("REG-10", "REFUSE-06"), "no program has tied weights"),
    **dict.fromkeys(("REG-22", "DECLARE-11", "STATE-10"), "it needs networks of two sizes"),
    "REG-31": "it needs hooks that only C++ shows",
    "OPTIM-03": "no step has its training loops",
    **dict.fromkeys(("COMPOSE-01", "COMPOSE-02", "COMPOSE-03"), "no step reads or writes the attribute of a layer"),
    "COMPOSE-04": "no step registers a hook that looks at the weight",
    **dict.fromkeys(("COMPOSE-05", "COMPOSE-06"), "no step parametrizes a weight"),
    **dict.fromkeys(("COMPOSE-07", "COMPOSE-08"), "no step runs a model in such a way"),
    "COMPOSE-09": "no step calls torch.func",
    **dict.fromkeys(("COMPOSE-10", "COMPOSE-11"), "no step averages a model"),
    "LIFE-01": "it compares two programs",
    "LIFE-04": "no program has two sparsifiers",
    "LIFE-05": "no step replaces a layer",
    **dict.fromkeys(("LIFE-07", "LIFE-09", "LIFE-10"), "it judges the memory of the process, not one program"),
    **dict.fromkeys(("LIFE-11", "LIFE-17"), "no step is interrupted"),
    "LIFE-12": "no step trains what was unpickled beside the original",
    "LIFE-13": "it needs a second interpreter",
    **dict.fromkeys(("LIFE-15", "LIFE-16"), "it needs a second thread"),
    **dict.fromkeys((f"SCHED-{number:02}" for number in range(1, 14)), "no step follows a schedule or rewinds"),
    **dict.fromkeys(("RESUME-01", "RESUME-02", "RESUME-03", "RESUME-04"), "it needs a second interpreter"),
    **dict.fromkeys(("RESUME-05", "RESUME-06"), "no step saves an optimizer and random states with the model"),
    **dict.fromkeys((f"MODEL-{number:02}" for number in range(1, 5)), "the networks of programs are chains of layers"),
    "STATE-02": "it needs a second interpreter",
    **dict.fromkeys(("STATE-04", "STATE-18", "DECLARE-17"), "it finds out where a state is kept, by several restores"),
    **dict.fromkeys(("STATE-16", "REFUSE-07", *(f"DEVICE-{number:02}" for number in range(1, 7))),
                    "programs run on the CPU"),
    "STATE-17": "it starts from another dtype",
    **dict.fromkeys(("WALK-03", "DECLARE-20"), "it compares two programs"),
}
"""Why the cells of other requirements are no programs."""


def life_of(trial: Trial) -> Life:
    """Return what a cell does.

    Raises:
        NoProgram: It is no program.
    """
    cell = trial.cell
    if trial.declaration.profile != "mask":
        why = "of the structural profile, only programs have scripts"
        raise NoProgram(_no(cell.id, why), _hint(cell.id))
    if cell.device != "cpu":
        raise NoProgram(_no(cell.id, "programs run on the CPU"), _hint(cell.id))
    if cell.requirement not in LIVES:
        raise NoProgram(_no(cell.id, WHY.get(cell.requirement, "nobody has stated its steps")), _hint(cell.id))
    for (clause, value), life in _OTHERWISE.get(cell.requirement, {}).items():
        if getattr(trial.contract, clause) == value:
            if life is None:
                raise NoProgram(_no(cell.id, f"{clause}={value!r} is declared"), _hint(cell.id))
            return _lived(life, trial)
    return _lived(LIVES[cell.requirement], trial)


def _lived(life: Life, trial: Trial) -> Life:
    """Return a life of OPTIM by the optimizer that the cell names, with the updates that are supported."""
    if trial.cell.area != "OPTIM":
        return life
    get = getattr(optimizer, f"get_twin_by_{trial.cell.layer}", optimizer.get_twin_by_momentum)
    items = [get if one is optimizer.get_twin_by_momentum else one for one in life.items]
    if not trial.supports("relevel"):
        again = (_UPDATE,) if trial.supports("reupdate") else ()
        items = [one for item in items for one in (again if item == Update(level=0.75) else (item,))]
    return Life(tuple(items), life.values, life.forgives)


def _no(id: str, why: str) -> str:
    return f"there is no script for {id}: {why}"


def _hint(id: str) -> str:
    return f"Run `sparsecheck run --cell {id}` to see it fail."


def program_of(trial: Trial, life: Life) -> Program:
    """Return the program that a cell is.

    Raises:
        NoProgram: No program has the cell's network.
    """
    network = trial.network
    if reason := _unlike(network):
        raise NoProgram(_no(trial.cell.id, reason), _hint(trial.cell.id))
    plan = tuple(_removal(name, pattern) for name, pattern in trial.plan.patterns.items())
    memory: Memory = "transposed" if any(layer.strided for layer in network.layers) else "contiguous"
    return Program(
        layers=tuple(_layers(network)), dtype=cast("Dtype", trial.cell.dtype), values=life.values, memory=memory,
        plan=plan, scope=trial.plan.scope, steps=life.steps, sequential=network.sequential,
    )


def _unlike(network: Network) -> str:
    """Return why no program has a network; an empty string if one has."""
    if network.tied:
        return "no program has tied weights"
    if not network.is_chain or not network.layers[0].name:
        return "the network of a program is a chain of layers"
    usual = all((one.stride, one.padding, one.dilation) == (1, 0, 1) and not one.subclassed for one in network.layers)
    return "" if usual else "no program has such a layer"


def _layers(network: Network) -> Iterator[ProgramLayer]:
    for layer in network.layers:
        if layer.kind != "flatten":
            sizes: dict[str, Any] = _sizes(layer) if layer.kind != "relu" else {}
            kind: LayerKind = "batchnorm" if layer.is_norm else cast("LayerKind", layer.kind)
            yield ProgramLayer(name=layer.name, kind=kind, **sizes)


def _sizes(layer: Layer) -> dict[str, Any]:
    if layer.is_norm:
        return {"inputs": layer.inputs}
    bias = layer.bias and layer.kind != "embedding"
    sizes = {"inputs": layer.inputs, "outputs": layer.outputs, "kernel": layer.kernel, "groups": layer.groups}
    return {**sizes, "bias": bias}


def _removal(name: str, pattern: Pattern) -> Removal:
    if isinstance(pattern, Given):
        every, none = bool(pattern.mask.all()), not pattern.mask.any()
        return Removal(name=name, pattern="given", fill="ones" if every else "zeros" if none else "drawn")
    base = Removal(name=name, pattern=_PATTERNS[type(pattern)])
    if isinstance(pattern, NofM):
        return replace(base, keep=(pattern.n, pattern.m))
    if isinstance(pattern, Band):
        return replace(base, width=pattern.width)
    if isinstance(pattern, Block):
        return replace(base, level=pattern.level, block=pattern.shape)
    return replace(base, level=pattern.level, dim=getattr(pattern, "dim", 0))


_PATTERNS: dict[type[Pattern], PatternKind] = {
    Unstructured: "unstructured", Block: "block", NofM: "n_of_m", Channel: "channel", Band: "band",
}

"""The contract: choices that an adapter declares because correct sparsifiers may differ in them."""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

from .schedule import KINDS, OPTIONS

Holds = Literal["parametrization", "buffer", "in place", "wrapper", "forward"]
Rounding = Literal["half-even", "half-up", "floor", "ceil"]
LevelBasis = Literal["dense", "remaining"]
Score = Literal["given", "magnitude-l1", "magnitude-l2", "position", "random", "opaque"]
MasksAt = Literal["attach", "update"]
Regrowth = Literal["monotone", "free"]
MaskStorage = Literal["model", "sidecar", "both", "nowhere"]
RestoresInto = Literal["attached", "dense", "whole model"]
Ragged = Literal["keep", "prune", "refuse"]
Ties = Literal["any", "lowest index", "highest index"]
Sizes = Literal["any", "multiples of 16", "multiples of 64"]
Names = Literal["kept", "prefixed"]
Alone = Literal["masked", "dense"]
Attaches = Literal["in place", "copy"]
Trained = Literal["weight", "reparametrized"]
RezeroedBy = Literal["package", "user"]
AccumulatorHooks = Literal["kept", "lost"]
ParameterOrder = Literal["kept", "changed"]
Optimizers = Literal["kept", "rebuilt"]
WeightAttribute = Literal["any", "live", "computed", "stale", "dense"]
Averages = Literal["any", "sparse", "sparse without buffers", "dense", "error"]
Rewinds = Literal["no", "yes"]
Threads = Literal["any", "forward", "update"]
Pickled = Literal["any", "model", "sparsifier"]
Invariance = Literal[
    "unplanned", "renamed", "memory", "reordered", "scaled", "negated", "permuted", "repeated", "split", "cast",
    "frozen", "batches",
]
"""Changes of a program after which the masks are the same, or permuted alike."""

NO_INVARIANCE = "none"
"""The value of the clause `invariances` that promises nothing beyond what always holds."""

UNDONE = ("attach", "restore", "update", "finalize")
"""The calls that a sparsifier can declare to undo if an exception ends them midway."""

UNDOES_NOTHING = "none"
"""The value of the clause `undone` that promises nothing."""

NO_SCHEDULE = "none"
"""The value of the clause `schedules` of a sparsifier that has none."""


class InvalidContract(ValueError):
    """Raised if a clause of a contract has an undefined value."""


class Contract(Struct, frozen=True, kw_only=True):
    """The clauses of a contract. A clause that is declared falsely is a failure.

    Attributes:
        holds: How a planned layer holds its mask. `parametrization`: as a buffer of a `torch.nn.utils.parametrize`
            parametrization. `buffer`: as a buffer `<name>_mask`, with the dense weight in `<name>_orig` and a hook that
            multiplies the two. `in place`: as zeros in the parameter itself. `wrapper`: in a module that wraps the
            layer or the model. `forward`: in a replaced forward of the model, which masks each weight before use; a
            layer that is called on its own is then dense.
        rounding: How level times count is rounded to an integer. `half-even` is the rounding of `round` in Python and
            torch.
        level_basis: Whether a level is a fraction of all units of the dense parameter or of its remaining units.
        score: How units are ranked. For `random` and `opaque`, only counts and shapes can be judged.
        masks_at: Whether masks are created at attach or at the first update.
        regrowth: Whether a removed unit may come back at a later update (`free`) or not (`monotone`).
        mask_storage: Which part of a saved state carries the masks: the model's state dict, the sidecar, both or
            neither.
        restores_into: The model that restore returns: the given dense model after a call of attach (`attached`), the
            given dense model without one (`dense`), or a model of its own (`whole model`).
        ragged: Whether a partial block at the edge is always kept, pruned like any other block, or refused.
        ties: Which units are kept among those with equal scores.
        sizes: Which weights are supported, by the size of every dimension except a convolution's window. All others
            must be refused by name.
        names: Whether layers outside the plan, their parameters and their buffers keep their names (`kept`), or all
            have one prefix, because a module around the whole model holds it (`prefixed`).
        alone: Whether a planned layer that is called on its own, outside the model's forward, computes with its masked
            weight or with the dense one. If holds is `forward`, it is dense.
        attaches: Whether attach works on the given model (`in place`, which includes a wrapper around it), or returns
            a sparse copy and leaves the given model bitwise unchanged (`copy`).
        trained: Whether training changes the dense weight itself (`weight`), or a parameter from which the dense weight
            is computed (`reparametrized`), as in weight normalization and powerpropagation.
        rezeroed_by: Who sets removed entries to zero again after a step of the optimizer. `package`: the package, so
            that they are zero in forward however the optimizer is stepped. `user`: code that a user of the package
            calls after each step, and that the adapter calls in `Sparsified.step` or `train`.
        accumulator_hooks: Whether the gradient accumulators of planned parameters keep their hooks through attach and
            finalize (`kept`) or not (`lost`). DistributedDataParallel registers such hooks.
            `torch.nn.utils.parametrize` loses them: it calls `Tensor.set_`, which makes a new accumulator.
        parameter_order: Whether the sparse model lists its parameters in the order of the dense model (`kept`) or not
            (`changed`). The state of an optimizer belongs to parameters by position, so that the state of an optimizer
            of the dense model fits an optimizer of the sparse one only if the order is kept.
        optimizers: Whether an optimizer that was built before the first update trains everything that an update leaves
            of the model (`kept`), or nothing, because an update makes new parameters, so that it must be built again
            (`rebuilt`). Only for the profile `structural`: masks leave every parameter in its place.
        weight_attribute: The attribute `weight` of a planned layer between two forwards. `live`: the weight in use, and
            what is written into it in place takes effect at kept entries. `computed`: the weight in use, but a copy, so
            that what is written into it is lost. `stale`: the weight of the last update or forward, a copy. `dense`:
            the dense weight, and what is written into it takes effect at kept entries. `any` promises nothing.
        averages: An average (`torch.optim.swa_utils.AveragedModel`) made before the first update that goes on after
            it. `sparse`: removed entries are zero in it, whether it averages buffers or not. `sparse without buffers`:
            only if it does not. `dense`: they are not. `error`: making it or going on with it raises an error. `any`
            promises nothing.
        invariances: What the masks do not depend on, besides `always_invariant`: words from `INVARIANCES`, separated
            by spaces, or `none`, which promises nothing.
        schedules: The kinds of schedules that the package offers, and the options `begin` and `every` if it has them:
            words from `sparsecheck.values.schedule`, separated by spaces, or `none`.
        rewinds: Whether the package can set the planned weights back to earlier ones and keep the masks, as the lottery
            ticket does.
        pickled: What can be pickled, saved whole by `torch.save` and sent to a spawned process: the sparse model
            (`model`), or the sparsifier with it (`sparsifier`). `any` promises nothing: an error is right, too, but
            what goes through must be the same.
        threads: What threads may do at the same time: run the sparse model (`forward`), or also update it while others
            run it (`update`), which then compute with the masks of before or with those of after. `any` promises
            nothing.
        undone: The calls that leave everything as it was if an exception ends them midway: words from `UNDONE`,
            separated by spaces, or `none`, which promises nothing.
    """

    holds: Holds
    rounding: Rounding
    level_basis: LevelBasis
    score: Score
    masks_at: MasksAt
    regrowth: Regrowth
    mask_storage: MaskStorage
    restores_into: RestoresInto
    ragged: Ragged
    ties: Ties
    sizes: Sizes = "any"
    names: Names = "kept"
    alone: Alone = "masked"
    attaches: Attaches = "in place"
    trained: Trained = "weight"
    rezeroed_by: RezeroedBy = "package"
    accumulator_hooks: AccumulatorHooks = "kept"
    parameter_order: ParameterOrder = "kept"
    optimizers: Optimizers = "kept"
    weight_attribute: WeightAttribute = "any"
    averages: Averages = "any"
    invariances: str = NO_INVARIANCE
    schedules: str = NO_SCHEDULE
    rewinds: Rewinds = "no"
    pickled: Pickled = "any"
    threads: Threads = "any"
    undone: str = UNDOES_NOTHING

    @property
    def offered_schedules(self) -> tuple[str, ...]:
        """Return the kinds of schedules and the options that are declared."""
        return () if self.schedules == NO_SCHEDULE else tuple(self.schedules.split())

    @property
    def undone_calls(self) -> tuple[str, ...]:
        """Return the calls that are declared to be undone if they end midway."""
        return () if self.undone == UNDOES_NOTHING else tuple(self.undone.split())

    @property
    def always_invariant(self) -> tuple[str, ...]:
        """Return the invariances that hold whether declared or not, because no score can break them.

        Random numbers may be drawn in the order of the memory, or from a seed that depends on the name.
        """
        return ("unplanned",) if self.score == "random" else ("unplanned", "renamed", "memory")

    @property
    def declared_invariances(self) -> tuple[str, ...]:
        """Return the invariances that are declared."""
        return () if self.invariances == NO_INVARIANCE else tuple(self.invariances.split())

    @property
    def ranks_by_magnitude(self) -> bool:
        """Return whether the scores are known, so that the choice of the kept units can be judged."""
        return self.score in ("magnitude-l1", "magnitude-l2")

    @property
    def is_masked_alone(self) -> bool:
        """Return whether a planned layer that is called on its own must compute with its masked weight."""
        return self.alone == "masked" and self.holds != "forward"

    @property
    def multiple(self) -> int:
        """Return the number of which every size of a weight is a multiple; 1 if any size is supported."""
        return 1 if self.sizes == "any" else int(self.sizes.rpartition(" ")[2])

    def __post_init__(self) -> None:
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.__struct_fields__}
        for field in msgspec.structs.fields(type(self)):
            try:
                msgspec.convert(fields[field.name], field.type)
            except msgspec.ValidationError as error:
                raise InvalidContract(f"clause {field.name}={fields[field.name]!r}: {error}") from None
        _check_words("invariances", self.invariances, NO_INVARIANCE, INVARIANCES)
        _check_words("undone", self.undone, UNDOES_NOTHING, UNDONE)
        _check_words("schedules", self.schedules, NO_SCHEDULE, (*KINDS, *OPTIONS))


INVARIANCES: tuple[str, ...] = tuple(one for one in get_args(Invariance) if one != "unplanned")
"""The invariances that can be declared; the masks never depend on an unplanned layer."""


def _check_words(clause: str, words: str, nothing: str, known: tuple[str, ...]) -> None:
    """Check the value of a clause that is made of words.

    Raises:
        InvalidContract: It is not made of different words from `known`, in any order, and not `nothing`.
    """
    named = words.split()
    if words != nothing and (not named or set(named) - set(known) or len(named) > len(set(named))):
        expected = f"{nothing!r}, or some of {', '.join(known)}, once each"
        raise InvalidContract(f"clause {clause}={words!r}: expected {expected}")

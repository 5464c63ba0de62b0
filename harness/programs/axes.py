"""The space of the mask profile: the values that a covering array combines, the kinds of steps, and the constraints."""

from __future__ import annotations

from msgspec.structs import asdict

from ..values.skeleton import Skeleton
from ..values.steps import (
    AddHook,
    Attach,
    Backward,
    CallLayer,
    Cast,
    ChangeMemory,
    CopyModel,
    Finalize,
    Forward,
    Freeze,
    FunctionalCall,
    Parametrize,
    SaveAndRestore,
    SetMode,
    Step,
    Train,
    Update,
    WriteWeights,
)
from .space import THEN, Constraint, Point, Space, Value

AXES: dict[str, tuple[Value, ...]] = {
    "target": tuple(range(16)),
    "pattern": tuple(range(8)),
    "level": (0.5, 0.29, 0.75, 0.0, 0.999, 1.0, 0.003),
    "values": ("distinct", "few", "zeros", "equal", "nan", "infinite", "subnormal", "wide"),
    "size": ("small", "one", "two", "prime", "narrow", "wide", "large"),
    "planned": (1, 2, 3, 4, 5),
    "dtype": (0, 1, 2, 3),
    "memory": ("contiguous", "channels_last", "transposed", "expanded"),
    "names": ("plain", "prefixes", "nested", "attributes"),
    "between": ("nothing", "relu", "norm", "batchnorm"),
    "default_dtype": ("float32", "float64", "bfloat16"),
    "optimizer": ("sgd", "adam", "adamw"),
    "together": (False, True),
    "bias": (False, True),
    "sequence": (False, True),
    "order": ("C", "F"),
    "last": (False, True),
    "frozen": (False, True),
    "evaluates": (False, True),
    "again": (False, True),
    "unplanned": (False, True),
}
"""The values on each axis. Those of a slot (see `OF_A_SLOT`) are combined with all others in the first slot."""

OF_A_SLOT = (
    "target", "pattern", "level", "size", "bias", "sequence", "order", "last", "frozen", "evaluates",
)
"""The axes of which every slot has a value of its own."""

STEPS: dict[str, tuple[Step, ...]] = {
    "attach": (Attach(),),
    "update": (Update(),),
    "update-level": tuple(Update(level=one) for one in (0.75, 0.29, 0.5, 0.9, 0.125, 0.999, 0.0, 0.57, 1.0)),
    "update-typed": (
        Update(level=0.25, type="numpy"), Update(level=0, type="int"), Update(level=0.5, type="tensor"),
        Update(level=1, type="int"), Update(level=0.7, type="numpy"),
    ),
    "update-under": (
        Update(under="no_grad"), Update(level=0.6, under="inference_mode"), Update(level=0.4, under="no_grad"),
        Update(under="inference_mode"),
    ),
    "update-illegal": (Update(level=1.5), Update(level=-0.25)),
    "write": (WriteWeights(), WriteWeights(how="data"), WriteWeights(how="load_state_dict")),
    "write-assign": (WriteWeights(how="assign"),),
    "forward": (Forward(), Forward(batch=1), Forward(batch=7)),
    "forward-empty": (Forward(batch=0),),
    "forward-under": (Forward(under="no_grad"), Forward(under="inference_mode"), Forward(under="autocast")),
    "backward": (Backward(), Backward(zero="zeros")),
    "backward-twice": (Backward(forwards=2), Backward(zero="keep"), Backward(forwards=2, zero="keep")),
    "train": (Train(), Train(steps=1), Train(steps=4)),
    "eval-mode": (SetMode(),),
    "train-mode": (SetMode(train=True),),
    "freeze-first": (Freeze(),),
    "freeze-all": (Freeze(what="all"),),
    "thaw": (Freeze(what="all", frozen=False), Freeze(frozen=False)),
    "cast": (Cast(), Cast(dtype="bfloat16"), Cast(dtype="float32"), Cast(dtype="float16")),
    "memory": (ChangeMemory(), ChangeMemory(format="contiguous")),
    "copy-model": (CopyModel(), CopyModel(how="pickle")),
    "copy-sparsified": (CopyModel(what="sparsified"), CopyModel(what="sparsified", how="pickle")),
    "restore": (SaveAndRestore(), SaveAndRestore(through="fresh process"), SaveAndRestore(through="memory")),
    "hook-layers": (
        AddHook(kind="forward_pre"), AddHook(), AddHook(kind="full_backward"), AddHook(kind="state_dict"),
    ),
    "hook-model": (
        AddHook(on="model"), AddHook(kind="state_dict", on="model"), AddHook(kind="forward_pre", on="model"),
        AddHook(kind="full_backward", on="model"),
    ),
    "parametrize": (Parametrize(),),
    "call-layer": (CallLayer(),),
    "functional-call": (FunctionalCall(),),
    "finalize": (Finalize(),),
    "finalize-train": (Finalize(train=2),),
}
"""The options of every kind of step. Pairs are covered by kind; the options of a kind take turns."""

LAST = ("finalize", "finalize-train")
"""The kinds that end a program."""

BEFORE_ATTACH = (
    "write", "forward", "forward-empty", "forward-under", "backward", "backward-twice", "eval-mode", "train-mode",
    "freeze-first", "freeze-all", "thaw", "cast", "memory", "hook-layers", "hook-model", "parametrize",
)
"""The kinds that a user can do to the dense model."""

UPDATES = ("update", "update-level", "update-typed", "update-under")
"""The kinds that make masks."""

AFTER_UPDATE = ("restore", "update-illegal", *LAST)
"""The kinds that need masks."""


def kind_of(step: Step) -> str:
    """Return the kind of a step, as `STEPS` names it."""
    if isinstance(step, Update):
        return _kind_of_update(step)
    if isinstance(step, Forward):
        return "forward-under" if step.under else "forward" if step.batch else "forward-empty"
    if isinstance(step, Backward):
        return "backward-twice" if step.forwards > 1 or step.zero == "keep" else "backward"
    if isinstance(step, Freeze):
        return f"freeze-{step.what}" if step.frozen else "thaw"
    if isinstance(step, CopyModel | AddHook):
        return f"copy-{step.what}" if isinstance(step, CopyModel) else f"hook-{step.on}"
    return _KINDS.get(step) or _BY_TYPE[type(step)]


def _kind_of_update(step: Update) -> str:
    if step.level is not None and not 0 <= step.level <= 1:
        return "update-illegal"
    if step.under:
        return "update-under"
    return "update-typed" if step.type != "float" else "update" if step.level is None else "update-level"


_KINDS: dict[Step, str] = {
    WriteWeights(how="assign"): "write-assign", SetMode(train=True): "train-mode", Finalize(train=2): "finalize-train",
}
_BY_TYPE: dict[type[object], str] = {
    Attach: "attach", WriteWeights: "write", Train: "train", SetMode: "eval-mode", Cast: "cast",
    ChangeMemory: "memory", SaveAndRestore: "restore", Parametrize: "parametrize", CallLayer: "call-layer",
    FunctionalCall: "functional-call", Finalize: "finalize",
}


def point_of(skeleton: Skeleton) -> Point:
    """Return the value of a skeleton on every axis; those of a slot are the first slot's."""
    attach = next(step for step in skeleton.steps if isinstance(step, Attach))
    own, first = asdict(skeleton), asdict(skeleton.slots[0])
    planned = sum(slot.planned for slot in skeleton.slots)
    derived: dict[str, Value] = {
        "planned": planned, "unplanned": planned < len(skeleton.slots), "default_dtype": attach.default_dtype,
    }
    return {axis: derived[axis] if axis in derived else first[axis] if axis in OF_A_SLOT else own[axis]
            for axis in AXES}


# ----------------------------------------------------------------- constraints

_LEVELLED = (0, 2, 3, 6)
"""The numbers of the patterns that have a level."""

CONSTRAINTS: dict[str, Constraint] = {
    "attach-once": lambda a, x, b, y: b == THEN and y == "attach" and x not in BEFORE_ATTACH,
    "finalize-last": lambda a, x, b, y: b == THEN and x in LAST,
    "masks-first": lambda a, x, b, y: b == THEN and x == "attach" and y in AFTER_UPDATE,
    "five-layers": lambda a, x, b, y: (a, x, b, y) == ("planned", 5, "unplanned", True),
    "level-of-a-pattern": lambda a, x, b, y: (a, b) == ("pattern", "level") and y != 0.5 and x not in _LEVELLED,
    "together-by-entries": lambda a, x, b, y: (a, b) == ("pattern", "together") and bool(y) and x != 0,
    "order-of-a-mask": lambda a, x, b, y: b == "order" and y == "F" and (
        (a == "pattern" and x != 1) or (a == "level" and x != 0.5) or (a == "together" and bool(x))
    ),
    "last-of-channels": lambda a, x, b, y: b == "last" and bool(y) and (
        (a == "pattern" and x not in (3, 6)) or (a == "order" and x == "F") or (a == "together" and bool(x))
    ),
    "sequence-of-features": lambda a, x, b, y: (a, b) == ("target", "sequence") and bool(y) and x not in (0, 13),
    "bias-of-a-layer": lambda a, x, b, y: (a, b) == ("target", "bias") and (
        (bool(y) and x in (3, 15)) or (not y and x in (13, 14))
    ),
}
"""The reasons why two values cannot occur together, each as a predicate on two axes and their values."""

WHY: dict[str, str] = {
    "attach-once": "a program attaches once, after nothing but steps on the dense model",
    "finalize-last": "finalize is the last step",
    "masks-first": "restore, finalize and an illegal level come after the first update",
    "five-layers": "a program has at most five layers, besides those between them",
    "level-of-a-pattern": "given masks, N:M and bands have no level",
    "together-by-entries": "a plan that ranks all parameters together removes single entries",
    "order-of-a-mask": "only a given mask has a memory order",
    "last-of-channels": "only channels other than the outputs can be those of the last dimension",
    "sequence-of-features": "only a linear layer runs over a sequence",
    "bias-of-a-layer": "embeddings and scales have no bias, and a planned bias is there",
}
"""Every constraint in words."""

MASK = Space(
    axes=AXES, of_a_slot=OF_A_SLOT, steps=STEPS, before_attach=BEFORE_ATTACH, updates=UPDATES,
    after_update=AFTER_UPDATE, last=LAST, constraints=CONSTRAINTS, why=WHY, kind_of=kind_of, point_of=point_of,
)
"""The space of the skeletons of the mask profile."""

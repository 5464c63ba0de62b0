"""The space of the structural profile: the values that a covering array combines, kinds of steps, and constraints."""

from __future__ import annotations

from msgspec.structs import asdict

from ...values.steps import (
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
    SaveAndRestore,
    SetMode,
    Step,
    Train,
    Update,
    WriteWeights,
)
from .. import axes
from ..space import THEN, Constraint, Point, Space, Value
from .fill import TIED
from .offer import OF_CONVOLUTIONS, OF_FEATURES, OF_IMAGES, OF_SEQUENCES, TOGETHER
from .skeleton import Form, StructuralSkeleton

LATEST: tuple[Form, ...] = ("unshuffle", "shuffle", "view", "heads", "lstm", "units")
"""The forms that are the last programs of the covering array."""

AXES: dict[str, tuple[Value, ...]] = {
    "kind": (0, 1, 2),
    "form": ("plain", "skip", "fanout", "concat", "depthwise", "transposed", "pool", "layernorm", *LATEST),
    "level": (0.5, 0.29, 0.75, 0.0, 0.9, 0.1),
    "values": ("distinct", "few", "zeros", "equal", "wide"),
    "size": ("small", "two", "prime", "wide"),
    "planned": (1, 2, 3),
    "dtype": (0, 1, 2, 3),
    "names": ("plain", "prefixes", "attributes"),
    "default_dtype": ("float32", "float64", "bfloat16"),
    "optimizer": ("sgd", "adam", "adamw"),
    "flat": (False, True),
    "window": (False, True),
    "together": (False, True),
    "bias": (False, True),
    "norm": (False, True),
    "relu": (False, True),
    "frozen": (False, True),
    "evaluates": (False, True),
    "unplanned": (False, True),
}
"""The values on each axis. Those of a block (see `OF_A_BLOCK`) are combined with all others in the first block."""

OF_A_BLOCK = ("form", "level", "size", "bias", "norm", "relu", "frozen", "evaluates")
"""The axes of which every block has a value of its own."""

STEPS: dict[str, tuple[Step, ...]] = {
    "attach": (Attach(),),
    "update": (Update(),),
    "update-level": tuple(Update(level=one) for one in (0.75, 0.29, 0.6, 0.5, 0.125, 0.0, 0.57, 0.8)),
    "update-typed": (
        Update(level=0.25, type="numpy"), Update(level=0, type="int"), Update(level=0.5, type="tensor"),
        Update(level=0.7, type="numpy"),
    ),
    "update-under": (
        Update(under="no_grad"), Update(level=0.6, under="inference_mode"), Update(level=0.4, under="no_grad"),
        Update(under="inference_mode"),
    ),
    "update-illegal": (Update(level=1.5), Update(level=-0.25)),
    "write": (WriteWeights(), WriteWeights(how="data"), WriteWeights(how="load_state_dict")),
    "write-assign": (WriteWeights(how="assign"),),
    "forward": (
        Forward(), Forward(batch=1), Forward(under="no_grad"), Forward(batch=0), Forward(under="inference_mode"),
        Forward(batch=7), Forward(under="autocast"),
    ),
    "backward": (
        Backward(), Backward(forwards=2), Backward(zero="zeros"), Backward(zero="keep"),
        Backward(forwards=2, zero="keep"),
    ),
    "train": (Train(), Train(steps=1), Train(steps=4)),
    "eval-mode": (SetMode(),),
    "train-mode": (SetMode(train=True),),
    "freeze": (Freeze(), Freeze(what="all")),
    "thaw": (Freeze(what="all", frozen=False), Freeze(frozen=False)),
    "cast": (Cast(), Cast(dtype="bfloat16"), Cast(dtype="float32"), Cast(dtype="float16")),
    "memory": (ChangeMemory(), ChangeMemory(format="contiguous")),
    "copy-model": (CopyModel(), CopyModel(how="pickle")),
    "copy-sparsified": (CopyModel(what="sparsified"), CopyModel(what="sparsified", how="pickle")),
    "restore": (SaveAndRestore(), SaveAndRestore(through="memory")),
    "hook": (
        AddHook(kind="forward_pre"), AddHook(on="model"), AddHook(kind="full_backward"), AddHook(),
        AddHook(kind="state_dict", on="model"),
    ),
    "call-layer": (CallLayer(),),
    "functional-call": (FunctionalCall(),),
    "finalize": (Finalize(), Finalize(train=2)),
}
"""The options of every kind of step: fewer kinds than in the mask profile, since a step costs more here."""

BEFORE_ATTACH = (
    "write", "forward", "backward", "eval-mode", "train-mode", "freeze", "thaw", "cast", "memory", "hook",
)
"""The kinds that a user can do to the dense model."""

AFTER_UPDATE = ("restore", "update-illegal", "finalize")
"""The kinds that need a first update."""

_COMMON = {
    "forward-empty": "forward", "forward-under": "forward", "backward-twice": "backward", "freeze-first": "freeze",
    "freeze-all": "freeze", "hook-layers": "hook", "hook-model": "hook", "finalize-train": "finalize",
}
"""By kind of step of the mask profile, the kind that it belongs to here, if that has another name."""

_REMOVES_MOST = (0.75, 0.9)
"""The levels at which no channel of two remains."""


def kind_of(step: Step) -> str:
    """Return the kind of a step, as `STEPS` names it."""
    kind = axes.kind_of(step)
    return _COMMON.get(kind, kind)


def point_of(skeleton: StructuralSkeleton) -> Point:
    """Return the value of a skeleton on every axis; those of a block are the first planned block's."""
    attach = next(step for step in skeleton.steps if isinstance(step, Attach))
    own, first = asdict(skeleton), asdict(skeleton.first)
    planned = sum(block.planned for block in skeleton.blocks)
    derived: dict[str, Value] = {
        "planned": planned, "unplanned": planned < len(skeleton.blocks), "default_dtype": attach.default_dtype,
        "flat": skeleton.flat > 0,
    }
    return {axis: derived[axis] if axis in derived else first[axis] if axis in OF_A_BLOCK else own[axis]
            for axis in AXES}


CONSTRAINTS: dict[str, Constraint] = {
    "attach-once": lambda a, x, b, y: b == THEN and y == "attach" and x not in BEFORE_ATTACH,
    "finalize-last": lambda a, x, b, y: b == THEN and x == "finalize",
    "update-first": lambda a, x, b, y: b == THEN and x == "attach" and y in AFTER_UPDATE,
    "three-blocks": lambda a, x, b, y: (a, x, b, y) == ("planned", 3, "unplanned", True),
    "window-of-a-convolution": lambda a, x, b, y: (a, x, b) == ("kind", 0, "window") and bool(y),
    "flatten-after-a-convolution": lambda a, x, b, y: (a, x, b) == ("kind", 0, "flat") and bool(y),
    "form-of-convolutions": lambda a, x, b, y: (a, x, b) == ("kind", 0, "form") and y in OF_CONVOLUTIONS,
    "form-of-features": lambda a, x, b, y: (
        ((a, b) == ("kind", "form") and bool(x) and y in OF_FEATURES)
        or (a == "form" and b in ("flat", "window") and x in OF_FEATURES and bool(y))
    ),
    "form-of-images": lambda a, x, b, y: (a, x, b) == ("kind", 1, "form") and y in OF_IMAGES,
    "norm-of-sequences": lambda a, x, b, y: (a, b, y) == ("form", "norm", True) and x in OF_SEQUENCES,
    "ranked-alone": lambda a, x, b, y: (a, b, y) == ("form", "together", True) and x in TOGETHER,
    "a-channel-remains": lambda a, x, b, y: (a, b, y) == ("level", "size", "two") and x in _REMOVES_MOST,
    "bias-of-equal-rows": lambda a, x, b, y: (a, b) == ("values", "bias") and x in TIED and not y,
}
"""The reasons why two values cannot occur together, each as a predicate on two axes and their values."""

WHY: dict[str, str] = {
    "attach-once": axes.WHY["attach-once"],
    "finalize-last": axes.WHY["finalize-last"],
    "update-first": axes.WHY["masks-first"],
    "three-blocks": "a program has at most three blocks",
    "window-of-a-convolution": "number 0 stands for a linear layer, which has no window",
    "flatten-after-a-convolution": "only channels of a convolution have more than one feature each",
    "form-of-convolutions": "only a convolution can be depthwise or transposed, or pooled",
    "form-of-features": "layer norms, views, attention and LSTMs take features, in the last dimension",
    "form-of-images": "torch shuffles the pixels of images alone",
    "norm-of-sequences": "torch's batch norm takes no sequences whose features are the last dimension",
    "ranked-alone": "of channels that go together, a common ranking with other layers may demand a part",
    "a-channel-remains": "a level at which no channel would remain is not planned",
    "bias-of-equal-rows": "only a bias tells channels with equal weights apart",
}
"""Every constraint in words."""

STRUCTURAL = Space(
    axes=AXES, of_a_slot=OF_A_BLOCK, steps=STEPS,
    before_attach=BEFORE_ATTACH, updates=axes.UPDATES, after_update=AFTER_UPDATE, last=("finalize",),
    constraints=CONSTRAINTS, why=WHY, kind_of=kind_of, point_of=point_of,
)
"""The space of the skeletons of the structural profile."""

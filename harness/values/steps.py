"""The steps of a program: what a user does to a sparse model."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Under = Literal["", "no_grad", "inference_mode", "autocast"]
LevelType = Literal["float", "int", "numpy", "tensor"]


class _Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="do"):
    """Base class: JSON names the step under `do`."""


class Attach(_Step, frozen=True, kw_only=True, tag="attach"):
    """Attach the sparsifier; once per program.

    Attributes:
        default_dtype: Torch's default dtype during the call and from then on.
    """

    default_dtype: Literal["float32", "float64", "bfloat16"] = "float32"


class Update(_Step, frozen=True, kw_only=True, tag="update"):
    """Update, at the plan's levels or all at one level.

    Attributes:
        level: The level; None for the plan's.
        type: The type of number that carries it.
        under: The mode of the caller.
        straight: Whether it follows the step before without a look at the model in between, which would run it and
            read its masks.
    """

    level: float | None = None
    type: LevelType = "float"
    under: Under = ""
    straight: bool = False


class WriteWeights(_Step, frozen=True, kw_only=True, tag="write"):
    """Write new values into every planned parameter.

    Attributes:
        how: `copy_` under no_grad, through `.data`, or by a state dict, which may replace the parameters (`assign`).
    """

    how: Literal["in place", "data", "load_state_dict", "assign"] = "in place"


class Forward(_Step, frozen=True, kw_only=True, tag="forward"):
    """Run the model.

    Attributes:
        batch: The size of the batch.
        under: The mode of the caller.
    """

    batch: int = 3
    under: Under = ""


class Backward(_Step, frozen=True, kw_only=True, tag="backward"):
    """Run a backward after one or two forwards.

    Attributes:
        forwards: The number of forwards before it.
        zero: Whether gradients were set to None or to zeros before, or kept.
    """

    forwards: int = 1
    zero: Literal["none", "zeros", "keep"] = "none"


class Train(_Step, frozen=True, kw_only=True, tag="train"):
    """Take optimizer steps; the program's optimizer lives on from one step of this kind to the next.

    Attributes:
        steps: The number of optimizer steps.
    """

    steps: int = 2


class SetMode(_Step, frozen=True, kw_only=True, tag="mode"):
    """Call `train()` or `eval()` on the model."""

    train: bool = False


class Freeze(_Step, frozen=True, kw_only=True, tag="freeze"):
    """Set `requires_grad=False` on every planned parameter, or on the first alone.

    Attributes:
        what: Which of them.
        frozen: Whether to freeze or to thaw.
    """

    what: Literal["first", "all"] = "first"
    frozen: bool = True


class Cast(_Step, frozen=True, kw_only=True, tag="cast"):
    """Convert the model to another dtype."""

    dtype: Literal["float64", "float32", "bfloat16", "float16"] = "float64"


class ChangeMemory(_Step, frozen=True, kw_only=True, tag="memory"):
    """Convert the model to another memory format."""

    format: Literal["channels_last", "contiguous"] = "channels_last"


class CopyModel(_Step, frozen=True, kw_only=True, tag="copy"):
    """Copy the sparse model, and go on with the original or with the copy of the sparsifier at work on it.

    Attributes:
        what: The model alone, which is changed and thrown away, or the whole sparsifier, with whose copy we go on.
        how: By deepcopy, or by pickle.
    """

    what: Literal["model", "sparsified"] = "model"
    how: Literal["deepcopy", "pickle"] = "deepcopy"


class SaveAndRestore(_Step, frozen=True, kw_only=True, tag="restore"):
    """Save, and go on with what is restored onto a dense model with other weights.

    Attributes:
        through: Memory alone, or a file's bytes, which may also be restored in a fresh process first.
    """

    through: Literal["memory", "bytes", "fresh process"] = "bytes"


class AddHook(_Step, frozen=True, kw_only=True, tag="hook"):
    """Register a user's hook that counts its calls.

    Attributes:
        kind: The kind of hook.
        on: On every planned layer, or on the whole model.
    """

    kind: Literal["forward_pre", "forward", "full_backward", "state_dict"] = "forward"
    on: Literal["layers", "model"] = "layers"


class Parametrize(_Step, frozen=True, kw_only=True, tag="parametrize"):
    """Register a user's own parametrization, which changes nothing, on every layer that is not planned."""


class CallLayer(_Step, frozen=True, kw_only=True, tag="call_layer"):
    """Call each planned layer by itself."""


class FunctionalCall(_Step, frozen=True, kw_only=True, tag="functional_call"):
    """Run the model by `torch.func.functional_call`, with its own tensors."""


class Finalize(_Step, frozen=True, kw_only=True, tag="finalize"):
    """Finalize; the last step, or followed by the training of the plain model.

    Attributes:
        train: The number of optimizer steps after it.
    """

    train: int = 0


Step = (
    Attach | Update | WriteWeights | Forward | Backward | Train | SetMode | Freeze | Cast | ChangeMemory | CopyModel
    | SaveAndRestore | AddHook | Parametrize | CallLayer | FunctionalCall | Finalize
)

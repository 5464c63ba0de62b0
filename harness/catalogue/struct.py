"""STRUCT: what is left of a model whose channels are removed, and not masked."""

from typing import Any

from ..values.requirement import ACCELERATOR, Requirement

_DEPENDENT = ("linear", "convnorm", "fanout", "skip", "concat", "flattened", "depthwise")
_PAPER = "Fang et al., DepGraph: Towards Any Structural Pruning, CVPR 2023"
_PROFILE: dict[str, Any] = {"profiles": ("structural",), "patterns": ("channel0-0.5",), "since": 2}

REQUIREMENTS = (
    Requirement(
        id="STRUCT-01", level="core", source="Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017",
        sentence="Of each planned layer exactly the planned share of output channels is gone, rounded as declared.",
        layers=("linear", "flattened"), profiles=("structural",), since=2,
        patterns=("channel0-0.5", "channel0-0.3", "channel0-0.75"),
    ),
    Requirement(
        id="STRUCT-02", level="core", source=_PAPER,
        sentence="Every other layer has lost the channels that depend on those, and no others.",
        layers=_DEPENDENT, **_PROFILE,
    ),
    Requirement(
        id="STRUCT-03", level="core", source=_PAPER,
        sentence="What is left of each parameter and statistic is the dense model's, entry by entry and in its order.",
        layers=_DEPENDENT, dtypes=("float32", "float64"), devices=("cpu", ACCELERATOR), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-04", level="core", source=_PAPER,
        sentence="The output is the dense model's with the channels that are gone set to zero.",
        layers=_DEPENDENT, dtypes=("float32", "float64"), devices=("cpu", ACCELERATOR), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-05", level="core", source="Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017",
        sentence="No channel of a planned layer that is gone scores above one that is left, by the declared score.",
        layers=("linear", "convnorm"), unless=(("score", "random"), ("score", "opaque")), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-06", level="core", source="torch.utils.flop_counter",
        sentence="Parameters and multiply-adds are those of a model built with the channels that are left.",
        layers=("flattened", "skip", "depthwise"), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-07", level="core", source="sparsecheck.Contract.masks_at",
        sentence="Channels go when it is declared that they do: at attach, or at the first update.", **_PROFILE,
    ),
    Requirement(
        id="STRUCT-08", level="core", source=_PAPER,
        sentence="Of planned layers with levels of their own each loses its own share.",
        needs=("per_parameter",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-09", level="extended", source="torch.nn.utils.prune.global_unstructured",
        sentence="Ranked together, all planned layers lose the planned share of all their channels, low scores first.",
        needs=("scope_all",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-10", level="extended", source="sparsecheck.Sparsified.update",
        sentence="A further update at a higher level brings each planned layer to that level, counted as declared.",
        needs=("relevel",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-11", level="core", source="torch.nn.Module.train",
        sentence="Attach and update leave each module's train flag as it was.", **_PROFILE,
    ),
    Requirement(
        id="STRUCT-12", level="core", source="torch.Tensor.requires_grad_",
        sentence="Attach and update leave each parameter's requires_grad as it was.", **_PROFILE,
    ),
    Requirement(
        id="STRUCT-13", level="core", source="torch.optim.SGD",
        sentence="It trains as a model built with the channels that are left.",
        layers=("flattened", "convnorm"), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-14", level="core", source="sparsecheck.Sparsified.finalize",
        sentence="Finalize gives a model of the dense model's module types without new hooks, and the same output.",
        needs=("finalize",), layers=("flattened", "convnorm"), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-15", level="core", source="torch.nn.Module.load_state_dict",
        sentence="Restored onto a dense model it has what was left, entry by entry, and the same output.",
        needs=("restore",), layers=("flattened", "convnorm"), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-16", level="core", source="torch.nn.Module.load_state_dict",
        sentence="Saved after training it is restored as trained.", needs=("restore",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-17", level="core", source="torch.load",
        sentence="Restored in a fresh interpreter it has what was left, and the same output.",
        needs=("restore",), layers=("flattened",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-18", level="core", source="torch.nn.Module.load_state_dict",
        sentence="A resume of a resume, under a plan of another level, has what was left of the first.",
        needs=("restore",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-19", level="core", source="torch.nn.Module.load_state_dict",
        sentence="What was restored shares no storage with the donor or the saved state.",
        needs=("restore",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-20", level="extended", source="torch.nn.Module.load_state_dict",
        sentence="A state saved from weights of another shape is refused, and the message names a layer.",
        needs=("restore",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-21", level="core", source="torch.jit.trace",
        sentence="Traced, it gives the same output for batches of other sizes.",
        needs=("trace",), layers=("flattened", "skip"), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-22", level="core", source="torch.export.export", torch=">=2.4",
        sentence="Exported, it gives the same output for batches of other sizes.",
        needs=("export",), layers=("flattened", "skip"), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-23", level="extended", source="torch.compile",
        sentence="Compiled whole, it gives the same output.",
        needs=("compile",), layers=("flattened",), **_PROFILE,
    ),
)

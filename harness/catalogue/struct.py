"""Area STRUCT: models whose channels are removed rather than masked."""

from typing import Any

from ..values.requirement import ACCELERATOR, Requirement

_DEPENDENT = ("linear", "convnorm", "fanout", "skip", "concat", "flattened", "depthwise")
_PAPER = "Fang et al., DepGraph: Towards Any Structural Pruning, CVPR 2023"
_PROFILE: dict[str, Any] = {"profiles": ("structural",), "patterns": ("channel0-0.5",), "since": 2}

REQUIREMENTS = (
    Requirement(
        id="STRUCT-01", level="core", source="Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017",
        sentence="Each planned layer loses exactly the planned share of its output channels, rounded as declared.",
        layers=("linear", "flattened"), profiles=("structural",), since=2,
        patterns=("channel0-0.5", "channel0-0.3", "channel0-0.75"),
    ),
    Requirement(
        id="STRUCT-02", level="core", source=_PAPER,
        sentence="Every layer loses the channels that depend on the removed output channels, and no others.",
        layers=_DEPENDENT, **_PROFILE,
    ),
    Requirement(
        id="STRUCT-03", level="core", source=_PAPER,
        sentence="The remaining entries of every parameter and running statistic are the dense model's, in the same "
        "order.",
        layers=_DEPENDENT, dtypes=("float32", "float64"), devices=("cpu", ACCELERATOR), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-04", level="core", source=_PAPER,
        sentence="The output equals the output of the dense model with the removed channels set to zero.",
        layers=_DEPENDENT, dtypes=("float32", "float64"), devices=("cpu", ACCELERATOR), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-05", level="core", source="Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017",
        sentence="No removed channel of a planned layer has a higher declared score than a remaining one.",
        layers=("linear", "convnorm"), unless=(("score", "random"), ("score", "opaque"), ("score", "position")),
        **_PROFILE,
    ),
    Requirement(
        id="STRUCT-06", level="core", source="torch.utils.flop_counter",
        sentence="The pruned model has as many parameters and multiply-adds as a model built with the remaining "
        "channels.",
        layers=("flattened", "skip", "depthwise"), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-07", level="core", source="sparsecheck.Contract.masks_at",
        sentence="Channels are removed at the declared time: at attach, or at the first update.", **_PROFILE,
    ),
    Requirement(
        id="STRUCT-08", level="core", source=_PAPER,
        sentence="If planned layers have different levels, each loses its own share.",
        needs=("per_parameter",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-09", level="extended", source="torch.nn.utils.prune.global_unstructured",
        sentence="If all planned layers are ranked together, they lose the planned share of all their channels, "
        "lowest scores first.",
        needs=("scope_all",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-10", level="extended", source="sparsecheck.Sparsified.update",
        sentence="A later update with a higher level prunes each planned layer to that level, counted as declared.",
        needs=("relevel",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-11", level="core", source="torch.nn.Module.train",
        sentence="Attach and update do not change the training flag of any module.", **_PROFILE,
    ),
    Requirement(
        id="STRUCT-12", level="core", source="torch.Tensor.requires_grad_",
        sentence="Attach and update do not change requires_grad of any parameter.", **_PROFILE,
    ),
    Requirement(
        id="STRUCT-13", level="core", source="torch.optim.SGD",
        sentence="The pruned model trains like a model built with the remaining channels.",
        layers=("flattened", "convnorm"), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-14", level="core", source="sparsecheck.Sparsified.finalize",
        sentence="Finalize returns a model with the dense model's module types, no new hooks, and the same output.",
        needs=("finalize",), layers=("flattened", "convnorm"), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-15", level="core", source="torch.nn.Module.load_state_dict",
        sentence="A saved state restored onto a dense model gives the same pruned parameters and output.",
        needs=("restore",), layers=("flattened", "convnorm"), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-16", level="core", source="torch.nn.Module.load_state_dict",
        sentence="A state saved after training restores the trained parameters.", needs=("restore",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-17", level="core", source="torch.load",
        sentence="A state restored in a fresh interpreter gives the same pruned parameters and output.",
        needs=("restore",), layers=("flattened",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-18", level="core", source="torch.nn.Module.load_state_dict",
        sentence="A restored model can be saved and restored again under a plan with another level, with the "
        "parameters of the original.",
        needs=("restore",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-19", level="core", source="torch.nn.Module.load_state_dict",
        sentence="A restored sparsifier shares no storage with the original or with the saved state.",
        needs=("restore",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-20", level="extended", revised=(4,),
        source="torch.nn.Module.load_state_dict",
        sentence="Restore refuses a state that was saved from weights of another shape, and names a layer.",
        needs=("restore",), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-21", level="core", source="torch.jit.trace",
        sentence="A model traced by torch.jit.trace gives the pruned model's output on other batch sizes.",
        needs=("trace",), layers=("flattened", "skip"), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-22", level="core", source="torch.export.export", torch=">=2.4",
        sentence="A model exported by torch.export gives the pruned model's output on other batch sizes.",
        needs=("export",), layers=("flattened", "skip"), **_PROFILE,
    ),
    Requirement(
        id="STRUCT-23", level="extended", source="torch.compile",
        sentence="A model compiled by torch.compile (fullgraph) gives the pruned model's output.",
        needs=("compile",), layers=("flattened",), **_PROFILE,
    ),
)

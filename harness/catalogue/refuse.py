"""Area REFUSE: how a sparsifier refuses unsupported capabilities, judged once per operation and capability.

torch and Python offer some operations for every model, and a package cannot prevent them: tracing, saving a trace,
exporting, compiling, deep copies. If one is unsupported, it may fail or succeed, and only a wrong result is a failure.
"""

from __future__ import annotations

from typing import Any

from ..values.capability import LAYER_KINDS
from ..values.requirement import ACCELERATOR, CANONICAL_PATTERN, LEVELLED_PATTERN, Requirement

_ALWAYS: dict[str, Any] = {
    "level": "core", "since": 4, "profiles": ("mask", "structural"), "layers": LAYER_KINDS,
}
_DECLARATION = "sparsecheck.Adapter.unsupported"
_PATTERNS = ("given", "unstructured-0.5", "block1x4-0.5", "2of4", "1of4", "channel0-0.5", "channel1-0.5", "band-3")
_PARTS = ("given", "unstructured-0.5", "channel0-0.5", "channel1-0.5")

REQUIREMENTS = (
    Requirement(
        id="REFUSE-01", source="torch.ao.pruning FakeSparsity, shape check", patterns=(CANONICAL_PATTERN, *_PATTERNS),
        sentence="A plan with an unsupported pattern is refused: the message names the parameter and the pattern, and "
        "the model stays bitwise unchanged.",
        refuses=("given", "unstructured", "block", "n_of_m", "any_n_of_m", "channel", "input_channel", "band"),
        **_ALWAYS,
    ),
    Requirement(
        id="REFUSE-02", source=_DECLARATION, refuses=LAYER_KINDS,
        sentence="A plan for an unsupported type of layer is refused: the message names the parameter and the layer, "
        "and the model stays bitwise unchanged.",
        **_ALWAYS,
    ),
    Requirement(
        id="REFUSE-03", source="torch.sparse.to_sparse_semi_structured, which names the dtypes it takes",
        sentence="A model of an unsupported dtype is refused: the message names the parameter and the dtype, and the "
        "model stays bitwise unchanged.",
        dtypes=("float32", "float64", "bfloat16", "float16"), refuses=("float64", "float32", "bfloat16", "float16"),
        **_ALWAYS,
    ),
    Requirement(
        id="REFUSE-04", source="torch.nn.utils.prune.global_unstructured", needs=("scope_all",),
        sentence="A plan that ranks all parameters together is refused if that is unsupported: the message names a "
        "parameter and the scope, and the model stays bitwise unchanged.",
        refuses=("scope_all",), **_ALWAYS,
    ),
    Requirement(
        id="REFUSE-05", source="torch.nn.utils.prune.global_unstructured, one amount for all", needs=("per_parameter",),
        sentence="A plan with a pattern of its own for each parameter is refused if that is unsupported: the message "
        "names a parameter and its level or pattern, and the model stays bitwise unchanged.",
        patterns=(LEVELLED_PATTERN,), refuses=("per_parameter",), **{**_ALWAYS, "layers": ("linear", "mixed")},
    ),
    Requirement(
        id="REFUSE-06", source="torch.nn.Module.named_parameters, shared parameters", needs=("tied",),
        sentence="A plan for a parameter that two layers share is refused if tied weights are unsupported: the message "
        "names the parameter and says that it is shared, and the model stays bitwise unchanged.",
        refuses=("tied",), **{**_ALWAYS, "layers": ("tied",)},
    ),
    Requirement(
        id="REFUSE-07", source="torch.sparse.to_sparse_semi_structured, which takes CUDA tensors alone",
        sentence="A model on an unsupported device is refused: the message names the parameter and the device, and the "
        "model stays bitwise unchanged.",
        devices=("cpu", ACCELERATOR), refuses=("cpu", "accelerator"), **_ALWAYS,
    ),
    Requirement(
        id="REFUSE-08", source="sparsecheck.Sparsified.update", needs=("reupdate",), refuses=("reupdate",),
        sentence="A second update is refused if updating again is unsupported: the message says so, and the model "
        "stays bitwise unchanged.",
        **_ALWAYS,
    ),
    Requirement(
        id="REFUSE-09", source="sparsecheck.Sparsified.update", needs=("relevel",), refuses=("relevel",),
        sentence="An update to another level is refused if changing the level is unsupported: the message names the "
        "level, and the model stays bitwise unchanged.",
        patterns=(LEVELLED_PATTERN,), **_ALWAYS,
    ),
    Requirement(
        id="REFUSE-10", source="sparsecheck.Sparsified.finalize", needs=("finalize",), refuses=("finalize",),
        sentence="Finalize is refused if it is unsupported: the message says so, and the model stays bitwise "
        "unchanged.",
        **_ALWAYS,
    ),
    Requirement(
        id="REFUSE-11", source="sparsecheck.Adapter.restore", needs=("restore",), refuses=("restore",),
        sentence="Restoring a saved state is refused if it is unsupported: the message says so, and the model that was "
        "saved and the model to restore onto stay bitwise unchanged.",
        **_ALWAYS,
    ),
    Requirement(
        id="REFUSE-12", source="torch.jit.trace", needs=("trace",), refuses=("trace",),
        sentence="If tracing is unsupported, torch.jit.trace fails or gives the sparse model's output, and never "
        "another output; the model stays bitwise unchanged.",
        **_ALWAYS,
    ),
    Requirement(
        id="REFUSE-13", source="torch.export.export, strict=False", needs=("export",), refuses=("export",),
        sentence="If exporting is unsupported, torch.export fails or gives the sparse model's output, and never "
        "another output; the model stays bitwise unchanged.",
        torch=">=2.4", **_ALWAYS,
    ),
    Requirement(
        id="REFUSE-14", source="torch.compile, fullgraph", needs=("compile",), refuses=("compile",),
        sentence="If compiling is unsupported, torch.compile fails or gives the sparse model's output, and never "
        "another output; the model stays bitwise unchanged.",
        **_ALWAYS,
    ),
    Requirement(
        id="REFUSE-15", source="torch.ao.pruning WeightNormSparsifier, sparse_block_shape",
        sentence="If only some shapes of blocks are supported, a plan with another is refused: the message names "
        "the parameter and the block, and the model stays bitwise unchanged.",
        patterns=("block1x4-0.5", "block4x1-0.5", "block2x2-0.5"), refuses=("rest of block",),
        **{**_ALWAYS, "layers": ("linear", "embedding")},
    ),
    Requirement(
        id="REFUSE-16", source="Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017", patterns=_PARTS,
        sentence="If a pattern is supported on some types of layers only, a plan with it for another is refused: "
        "the message names the parameter and the pattern or layer, and the model stays bitwise unchanged.",
        refuses=("rest of given", "rest of unstructured", "rest of channel", "rest of input_channel"), **_ALWAYS,
    ),
    Requirement(
        id="REFUSE-17", source="torch.jit.save; torch.jit.load", needs=("trace", "save_trace"), refuses=("save_trace",),
        sentence="If saving a trace is unsupported, torch.jit.save and load fail or give the sparse model's output, "
        "and never another output; the model stays bitwise unchanged.",
        **_ALWAYS,
    ),
    Requirement(
        id="REFUSE-18", source="copy.deepcopy", needs=("deepcopy",), refuses=("deepcopy",),
        sentence="If deep copies are unsupported, copy.deepcopy fails or gives a model with the sparse model's output, "
        "and never another output; the model stays bitwise unchanged.",
        **_ALWAYS,
    ),
)

"""Area DECLARE: declared capabilities and clauses of the contract that no other area judges.

A sparsifier that is honest but for one declaration must fail. `python -m tools.declarations` proves it.
"""

from __future__ import annotations

from typing import Any, get_args

from ..values.capability import LAYER_KINDS
from ..values.contract import INVARIANCES, NO_INVARIANCE, MaskStorage, Score
from ..values.requirement import CANONICAL_PATTERN, LEVELLED_PATTERN, OFFERED, Requirement

_RAISED = ("unstructured-0.3", "block2x2-0.3", "channel0-0.3")
_RANKED = ("unstructured-0.5", "block2x2-0.3", "channel0-0.3", "2of4")
_UNRANKED = (("score", "random"), ("score", "opaque"), ("score", "position"), ("score", "given"))
_NEW: dict[str, Any] = {"level": "extended", "since": 4}

REQUIREMENTS = (
    Requirement(
        id="DECLARE-01", source="sparsecheck.Contract.score", profiles=("mask", "structural"), **_NEW,
        sentence="The declared score fits the supported patterns: units that a level counts are ranked, and a given "
        "mask or a band is not.",
    ),
    Requirement(
        id="DECLARE-02", source="sparsecheck.Contract.ties", **_NEW,
        sentence="Among blocks, channels and entries of a group with equal scores, those are kept that the contract "
        "declares.",
        patterns=("block1x4-0.5", "channel0-0.5", "2of4"), unless=(*_UNRANKED, ("ties", "any")),
    ),
    Requirement(
        id="DECLARE-03", source="torch.nn.utils.prune.l1_unstructured, of any module", layers=LAYER_KINDS, **_NEW,
        sentence="On every supported type of layer the unstructured pattern removes exactly level times count entries "
        "of the whole weight, lowest scores first.",
        patterns=("unstructured-0.5",),
    ),
    Requirement(
        id="DECLARE-04", source="torch.nn.utils.prune.ln_structured, of any module", layers=LAYER_KINDS, **_NEW,
        sentence="On every supported type of layer the channel pattern removes whole slices along dimension 0, exactly "
        "level times their number, lowest scores first.",
        patterns=("channel0-0.5",),
    ),
    Requirement(
        id="DECLARE-05", source="torch.nn.utils.prune.ln_structured, dim", layers=LAYER_KINDS, **_NEW,
        sentence="On every supported type of layer the input channel pattern removes whole slices along dimension 1, "
        "exactly level times their number, lowest scores first.",
        patterns=("channel1-0.5",),
    ),
    Requirement(
        id="DECLARE-06", source="torch.nn.utils.prune.custom_from_mask, of any module", layers=LAYER_KINDS, **_NEW,
        sentence="On every supported type of layer a given mask is applied exactly as given.", patterns=("given",),
    ),
    Requirement(
        id="DECLARE-07", source="torch.ao.pruning WeightNormSparsifier, SUPPORTED_MODULES", layers=("embedding",),
        sentence="If embeddings are supported, every supported pattern of matrices is applied to them.",
        patterns=("block1x4-0.5", "block4x1-0.5", "block2x2-0.5", "2of4", "1of4", "band-3"), **_NEW,
    ),
    Requirement(
        id="DECLARE-08", source="torch.nn.utils.prune.PruningContainer", needs=("reupdate",), patterns=_RANKED,
        sentence="If regrowth is declared monotone, an update at an unchanged level brings no entry back, whatever has "
        "become of the weights.",
        unless=(("regrowth", "free"), ("holds", "in place")), **_NEW,
    ),
    Requirement(
        id="DECLARE-09", source="torch.rand, which draws anew at every call", patterns=(LEVELLED_PATTERN,),
        sentence="If the score is random and regrowth free, an update at an unchanged level draws new masks.",
        needs=("reupdate",), **_NEW,
        unless=(("regrowth", "monotone"), *((one, value) for one, value in _UNRANKED if value != "random"),
                ("score", "magnitude-l1"), ("score", "magnitude-l2")),
    ),
    Requirement(
        id="DECLARE-10", source="torch.ao.pruning BaseScheduler, whose first step sets a level", needs=("relevel",),
        sentence="The first update takes a level as well, and the next one without a level returns to the plan's.",
        patterns=_RAISED, **_NEW,
    ),
    Requirement(
        id="DECLARE-11", source="torch.sparse.to_sparse_semi_structured, which names the sizes it takes",
        sentence="A planned weight is refused by name if its sizes are odd multiples of half the declared number.",
        patterns=(CANONICAL_PATTERN,), unless=(("sizes", "any"),), **_NEW,
    ),
    Requirement(
        id="DECLARE-12", source="sparsecheck.Contract.rezeroed_by; torchao SemiSparseWeightConfig, fake sparsity",
        sentence="After a step of the optimizer alone, removed entries are zero in forward if and only if the package "
        "is declared to set them to zero again.",
        **{**_NEW, "level": "core"},
    ),
    Requirement(
        id="DECLARE-13", source="sparsecheck.Contract.level_basis", profiles=("structural",), needs=("reupdate",),
        sentence="If a level is declared a fraction of the remaining channels, an update at an unchanged level removes "
        "that fraction of them again.",
        patterns=("channel0-0.5",), unless=(("level_basis", "dense"),), **_NEW,
    ),
    Requirement(
        id="DECLARE-14", source="sparsecheck.Contract.rounding", profiles=("structural",), layers=("ragged",),
        sentence="Half a channel is rounded as declared.", patterns=("channel0-0.5", "channel0-0.25"), **_NEW,
    ),
    Requirement(
        id="DECLARE-15", source="torch docs, Reproducibility", profiles=("structural",), patterns=("channel0-0.5",),
        sentence="The removed channels depend on the random state if and only if the score is declared random.",
        unless=(("score", "opaque"),), **_NEW,
    ),
    Requirement(
        id="DECLARE-16", source="sparsecheck.Contract.score", profiles=("structural",), patterns=("channel0-0.5",),
        sentence="If the declared score is position, the removed channels do not depend on the weights.",
        unless=tuple(("score", score) for score in get_args(Score) if score != "position"), **_NEW,
    ),
    Requirement(
        id="DECLARE-17", source="torch.nn.Module.register_buffer, persistent", needs=("restore",),
        sentence="If masks are declared to be saved in the sidecar alone, the model's state dict does not bring them "
        "back.",
        unless=tuple(("mask_storage", value) for value in get_args(MaskStorage) if value != "sidecar"), **_NEW,
    ),
    Requirement(
        id="DECLARE-18", source="torch.nn.Module.to", profiles=("structural",), patterns=("channel0-0.5",),
        sentence="In half precision each planned layer loses the planned share of its channels, and the remaining "
        "entries stay as they are.",
        dtypes=("bfloat16", "float16"), **_NEW,
    ),
    Requirement(
        id="DECLARE-19", source="sparsecheck.Adapter.supported", profiles=("structural",), patterns=("channel0-0.5",),
        sentence="Every supported type of layer loses the planned share of its channels, and the layer behind it loses "
        "the same ones.",
        layers=("linear", "conv1d", "conv2d"), **_NEW,
    ),
    Requirement(
        id="DECLARE-20", source="sparsecheck.Contract.invariances; metamorphic testing, Chen et al. 1998",
        sentence="Masks do not depend on what the contract declares that they do not depend on.",
        layers=INVARIANCES, patterns=(OFFERED,), dtypes=(OFFERED,), unless=(("invariances", NO_INVARIANCE),), **_NEW,
    ),
)

"""MASK: what is removed, and what forward and backward make of it."""

from typing import get_args

from ..values.contract import Score, Sizes
from ..values.requirement import ACCELERATOR, CANONICAL_PATTERN, LEVELLED_PATTERN, Requirement
from .axes import DTYPES

_BOTH = ("cpu", ACCELERATOR)
_LEVELS = ("unstructured-0.5", "unstructured-0", "unstructured-0.3", "unstructured-0.37", "unstructured-0.9",
           "unstructured-1")
_BLOCKS = ("block1x4-0.5", "block2x2-0.3", "block4x1-0.9", "block1x4-0", "block1x4-1")
_CHANNELS = ("channel0-0.5", "channel1-0.3", "channel0-0.9", "channel0-0", "channel0-1")
_EVERY_LAYER = ("linear", "conv1d", "conv2d", "embedding", "mixed", "large", "strided")
_UNRANKED = (("score", "random"), ("score", "opaque"), ("score", "position"))
_LARGE = tuple(("sizes", value) for value in get_args(Sizes) if value != "any")
_PARAMETRIZE = "torch.nn.utils.parametrize; pytorch test_parametrization.py::test_masking_logic"

REQUIREMENTS = (
    Requirement(
        id="MASK-01", level="core", source=_PARAMETRIZE,
        sentence="Forward uses where(mask, weight, 0) for each planned weight, entry by entry and exactly.",
        layers=(*_EVERY_LAYER, "bare", "subclassed", "sequential"),
        dtypes=("float32", "float64", "bfloat16", "float16"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-02", level="core", source=_PARAMETRIZE,
        sentence="The sparse model's output is the dense model's with the removed entries set to zero.",
        layers=(*_EVERY_LAYER, "windowed"), dtypes=("float32", "float64", "bfloat16", "float16"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-03", level="extended", source="torch.nn.utils.prune.custom_from_mask",
        sentence="A given mask is the mask that is applied, be it irregular, all ones or all zeros.",
        patterns=("given", "given-identity", "given-zeros"), layers=("linear", "conv2d"),
        devices=_BOTH,
    ),
    Requirement(
        id="MASK-04", level="core", source="torch.ao.pruning BaseSparsifier.prepare",
        sentence="There is one boolean mask a planned parameter and none else, of its shape and on its device.",
        layers=("linear", "mixed"), dtypes=("float32", "bfloat16"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-05", level="extended", source="torch.nn.utils.prune, amount; WeightNormSparsifier, sparsity_level",
        sentence="Unstructured removes exactly level times count entries, rounded as declared.",
        patterns=_LEVELS, layers=("linear", "conv2d", "large", "ragged"), dtypes=("float32", "bfloat16"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-06", level="extended", source="Han et al. 2015, Learning both weights and connections",
        sentence="Unstructured keeps the entries of highest score, up to ties.",
        patterns=("unstructured-0.5", "unstructured-0.3", "unstructured-0.9"), layers=("linear", "conv2d", "strided"),
        dtypes=DTYPES[1:] + DTYPES[:1], devices=_BOTH,
        unless=_UNRANKED,
    ),
    Requirement(
        id="MASK-07", level="extended", source="WeightNormSparsifier, sparse_block_shape",
        sentence="Block removes whole blocks, exactly level times the number of blocks, rounded as declared.",
        patterns=_BLOCKS, dtypes=("float32", "bfloat16"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-08", level="extended", source="WeightNormSparsifier, sparse_block_shape",
        sentence="Block keeps the blocks of highest score, up to ties.",
        patterns=("block1x4-0.5", "block2x2-0.3", "block4x1-0.9"), layers=("linear", "strided"), devices=_BOTH,
        unless=_UNRANKED,
    ),
    Requirement(
        id="MASK-09", level="extended", source="Mishra et al. 2021, Accelerating sparse deep neural networks",
        sentence="N:M keeps exactly n entries of every group of m along the input dimension.",
        patterns=("2of4", "1of4", "1of2"), dtypes=("float32", "bfloat16"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-10", level="extended", source="Mishra et al. 2021, Accelerating sparse deep neural networks",
        sentence="N:M keeps the n entries of highest score in every group, up to ties.",
        patterns=("2of4", "1of4", "1of2"), layers=("linear", "strided"), devices=_BOTH,
        unless=_UNRANKED,
    ),
    Requirement(
        id="MASK-11", level="extended", source="torch.nn.utils.prune.ln_structured",
        sentence="Channel removes whole slices, exactly level times the number of slices, rounded as declared.",
        patterns=_CHANNELS, layers=("linear", "conv2d", "ragged"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-12", level="extended", source="torch.nn.utils.prune.ln_structured",
        sentence="Channel keeps the slices of highest score, up to ties.",
        patterns=("channel0-0.5", "channel1-0.3"), layers=("linear", "conv2d", "strided"), devices=_BOTH,
        unless=_UNRANKED,
    ),
    Requirement(
        id="MASK-13", level="extended", source="torch.ao.pruning NearlyDiagonalSparsifier",
        sentence="Band keeps exactly the entries with |row - column| <= width // 2.",
        patterns=("band-3", "band-1", "band-5"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-14", level="extended", source="torch.nn.utils.prune.global_unstructured",
        sentence="Over all planned parameters together, the count removed is exact and the highest scores are kept.",
        patterns=("unstructured-0.5", "unstructured-0.3", "unstructured-0.35"), layers=("mixed",), needs=("scope_all",),
        devices=_BOTH,
    ),
    Requirement(
        id="MASK-15", level="core", source="torch.nn.utils.parametrize, gradients flow to original",
        sentence="The gradient of a dense weight is that of the weight in use where kept, and zero where removed.",
        layers=("linear", "conv2d"), dtypes=("float32", "float64"), devices=_BOTH,
        unless=(("holds", "in place"),),
    ),
    Requirement(
        id="MASK-16", level="core", source="pytorch test_sparsifier.py::test_prepare_config",
        sentence="What is not planned stays as it was, bit for bit, also beside a planned layer of like name.",
        layers=("linear", "mixed"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-17", level="core", source="torch docs, Reproducibility",
        sentence="Equal models, plans and random states get equal masks.",
        layers=("linear", "mixed"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-18", level="core", source="torch docs, Reproducibility",
        sentence="Attach, update and restore leave the global random states of torch, NumPy and Python alone.",
        devices=_BOTH, unless=(("score", "random"),),
    ),
    Requirement(
        id="MASK-19", level="core", source="pytorch _experimental/data_sparsifier: warnings.simplefilter at import",
        sentence="Importing the adapter, attach, update and restore leave default dtype and device, grad mode, thread "
        "count and the like as they were.",
    ),
    Requirement(
        id="MASK-20", level="core", source="torch.nn.Module.to",
        sentence="The weight in use has the dense weight's dtype and shape, and the output its dtype.",
        dtypes=("float32", "float64", "bfloat16", "float16"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-21", level="extended", source="IEEE 754: zero times NaN is NaN",
        sentence="A removed entry is zero in forward even where the dense weight holds NaN or infinity.",
        patterns=("given",), devices=_BOTH,
    ),
    Requirement(
        id="MASK-22", level="extended", source="WeightNormSparsifier on constant weights (test_sparsity_levels)",
        sentence="Among equal scores the count removed is exact still, and the tie rule is the declared one.",
        patterns=("unstructured-0.5", "unstructured-0.3"), devices=_BOTH, unless=_UNRANKED,
    ),
    Requirement(
        id="MASK-23", level="extended", source="pytorch#134220",
        sentence="A partial block at the edge is always kept, goes like any if it scores low, or is refused by name, "
        "as declared.",
        patterns=("block1x4-0.5", "block4x1-0.5"), layers=("ragged",), devices=_BOTH, unless=_LARGE,
    ),
    Requirement(
        id="MASK-24", level="extended", source="torch.ao.pruning BaseScheduler; Zhu and Gupta 2017, To prune or not",
        sentence="A level raised by update removes exactly the new count of what scores lowest now; if regrowth is "
        "declared monotone, nothing comes back, whatever it scores now.",
        patterns=("unstructured-0.3", "block2x2-0.3", "channel1-0.3"), needs=("relevel",), devices=_BOTH,
    ),
    Requirement(
        id="MASK-25", level="extended", source="Zhu and Gupta 2017; torch.ao.pruning WeightNormSparsifier:235",
        sentence="A level lowered by update brings entries back to exactly the new count if regrowth is declared free; "
        "if monotone, none. Level 0 is a level, and the next update without one is at the plan's again.",
        patterns=("unstructured-0.9", "block4x1-0.9", "channel0-0.9"), needs=("relevel",), devices=_BOTH,
    ),
    Requirement(
        id="MASK-26", level="core", source="torch.nn.Module.eval; torch.no_grad",
        sentence="The mask made and the mask applied are the same in train and eval mode, with gradients and without.",
        patterns=(CANONICAL_PATTERN,),
    ),
    Requirement(
        id="MASK-27", level="core", source="torch.nn.utils.prune (at attach); torch.ao.pruning (at step)",
        sentence="Masks take hold at attach or at the first update, as declared; forward makes or changes none.",
    ),
    Requirement(
        id="MASK-28", level="core", source="reference/PROVENANCE.md",
        sentence="From the saved weights and input, masks and outputs are the saved reference's.",
        layers=("linear", "conv2d", "embedding"), devices=_BOTH, needs=("float32",),
        unless=(("score", "random"), ("score", "opaque"), *_LARGE),
    ),
    Requirement(
        id="MASK-29", level="core", source="torch docs, Reproducibility; torch.nn.utils.prune.random_unstructured",
        sentence="From another random state come other masks if the score is declared random, and if not the same.",
        patterns=(LEVELLED_PATTERN,), devices=_BOTH, unless=(("score", "opaque"),),
    ),
    Requirement(
        id="MASK-30", level="extended", source=_PARAMETRIZE,
        sentence="Under every pattern the model computes with where(mask, weight, 0), and all else is as it was.",
        patterns=("unstructured-0.5", "given", "block1x4-0.5", "2of4", "channel0-0.5", "channel1-0.3", "band-3"),
        devices=_BOTH,
    ),
    Requirement(
        id="MASK-31", level="extended", source="pytorch test_sparsifier.py::test_prepare_config",
        sentence="Each planned parameter gets the pattern that the plan has for it, whatever the plan's order.",
        patterns=(LEVELLED_PATTERN, CANONICAL_PATTERN), layers=("linear", "mixed"), needs=("per_parameter",),
    ),
    Requirement(
        id="MASK-32", level="core", source="torch.ao.pruning NearlyDiagonalSparsifier",
        sentence="Where the score is declared to be position, other weights get the same masks.",
        patterns=(LEVELLED_PATTERN,),
        unless=tuple(("score", score) for score in get_args(Score) if score != "position"),
    ),
    Requirement(
        id="MASK-33", level="extended", source="torch.Tensor.count_nonzero, of a weight that is sparse already",
        sentence="Entries of the dense weight that are zero already are counted and ranked like any other.",
        patterns=("unstructured-0.5", "channel0-0.5"), unless=_UNRANKED,
    ),
    Requirement(
        id="MASK-34", level="extended", source="torch.nn.utils.prune.ln_structured, dim",
        sentence="A channel along dim 1 of a convolution is one of its inputs: all rows and columns of the window.",
        patterns=("channel1-0.5",), layers=("conv2d", "conv1d"),
    ),
)

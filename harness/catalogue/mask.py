"""Area MASK: which entries are removed, and how forward and backward use the mask."""

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
        sentence="Forward computes with exactly where(mask, weight, 0) for each planned weight, and with every other "
        "weight unchanged.",
        layers=(*_EVERY_LAYER, "bare", "subclassed", "sequential"),
        dtypes=("float32", "float64", "bfloat16", "float16"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-02", level="core", source=_PARAMETRIZE,
        sentence="The sparse model computes the output of the dense model with its removed entries set to zero.",
        layers=(*_EVERY_LAYER, "windowed"), dtypes=("float32", "float64", "bfloat16", "float16"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-03", level="extended", source="torch.nn.utils.prune.custom_from_mask",
        sentence="A given mask is applied exactly as given, including irregular, all-ones and all-zeros masks.",
        patterns=("given", "given-identity", "given-zeros"), layers=("linear", "conv2d"),
        devices=_BOTH,
    ),
    Requirement(
        id="MASK-04", level="core", source="torch.ao.pruning BaseSparsifier.prepare",
        sentence="masks() returns exactly one boolean mask per planned parameter, with the parameter's shape and on "
        "its device.",
        layers=("linear", "mixed"), dtypes=("float32", "bfloat16"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-05", level="extended", source="torch.nn.utils.prune, amount; WeightNormSparsifier, sparsity_level",
        sentence="The unstructured pattern removes exactly level times count entries, rounded as declared.",
        patterns=_LEVELS, layers=("linear", "conv2d", "large", "ragged"), dtypes=("float32", "bfloat16"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-06", level="extended", source="Han et al. 2015, Learning both weights and connections",
        sentence="The unstructured pattern keeps the entries with the highest scores, up to ties.",
        patterns=("unstructured-0.5", "unstructured-0.3", "unstructured-0.9"), layers=("linear", "conv2d", "strided"),
        dtypes=DTYPES[1:] + DTYPES[:1], devices=_BOTH,
        unless=_UNRANKED,
    ),
    Requirement(
        id="MASK-07", level="extended", source="WeightNormSparsifier, sparse_block_shape",
        sentence="The block pattern removes only whole blocks: exactly level times the number of blocks, rounded as "
        "declared.",
        patterns=_BLOCKS, dtypes=("float32", "bfloat16"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-08", level="extended", source="WeightNormSparsifier, sparse_block_shape",
        sentence="The block pattern keeps the blocks with the highest scores, up to ties.",
        patterns=("block1x4-0.5", "block2x2-0.3", "block4x1-0.9"), layers=("linear", "strided"), devices=_BOTH,
        unless=_UNRANKED,
    ),
    Requirement(
        id="MASK-09", level="extended", source="Mishra et al. 2021, Accelerating sparse deep neural networks",
        sentence="The N:M pattern keeps exactly n entries in every group of m along the input dimension.",
        patterns=("2of4", "1of4", "1of2"), dtypes=("float32", "bfloat16"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-10", level="extended", source="Mishra et al. 2021, Accelerating sparse deep neural networks",
        sentence="The N:M pattern keeps the n entries with the highest scores in every group, up to ties.",
        patterns=("2of4", "1of4", "1of2"), layers=("linear", "strided"), devices=_BOTH,
        unless=_UNRANKED,
    ),
    Requirement(
        id="MASK-11", level="extended", source="torch.nn.utils.prune.ln_structured",
        sentence="The channel pattern removes only whole slices: exactly level times the number of slices, rounded as "
        "declared.",
        patterns=_CHANNELS, layers=("linear", "conv2d", "ragged"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-12", level="extended", source="torch.nn.utils.prune.ln_structured",
        sentence="The channel pattern keeps the slices with the highest scores, up to ties.",
        patterns=("channel0-0.5", "channel1-0.3"), layers=("linear", "conv2d", "strided"), devices=_BOTH,
        unless=_UNRANKED,
    ),
    Requirement(
        id="MASK-13", level="extended", source="torch.ao.pruning NearlyDiagonalSparsifier",
        sentence="The band pattern keeps exactly the entries with |row - column| <= width // 2.",
        patterns=("band-3", "band-1", "band-5"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-14", level="extended", source="torch.nn.utils.prune.global_unstructured",
        sentence="If all planned parameters are ranked together, the total number removed is exact and the highest "
        "scores are kept.",
        patterns=("unstructured-0.5", "unstructured-0.3", "unstructured-0.35"), layers=("mixed",), needs=("scope_all",),
        devices=_BOTH,
    ),
    Requirement(
        id="MASK-15", level="core", source="torch.nn.utils.parametrize, gradients flow to original",
        sentence="The gradient of a dense weight equals the gradient of the weight used in forward at kept entries "
        "and is zero at removed entries.",
        layers=("linear", "conv2d"), dtypes=("float32", "float64"), devices=_BOTH,
        unless=(("holds", "in place"), ("trained", "reparametrized")),
    ),
    Requirement(
        id="MASK-16", level="core", source="pytorch test_sparsifier.py::test_prepare_config",
        sentence="Parameters outside the plan stay bitwise unchanged, even next to a planned layer with a similar "
        "name.",
        layers=("linear", "mixed"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-17", level="core", source="torch docs, Reproducibility",
        sentence="Equal models, plans and random states produce equal masks.",
        layers=("linear", "mixed"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-18", level="core", source="torch docs, Reproducibility",
        sentence="Attach, update and restore do not change the global random states of torch, NumPy and Python.",
        devices=_BOTH, unless=(("score", "random"),),
    ),
    Requirement(
        id="MASK-19", level="core", revised=(4,), source="torch.set_default_dtype; torch.set_num_threads",
        sentence="Attach, update and restore do not change global settings, such as the default dtype and device, the "
        "grad mode, the number of threads, and the functions of torch.",
    ),
    Requirement(
        id="MASK-20", level="core", source="torch.nn.Module.to",
        sentence="The weight used in forward has the dtype and shape of the dense weight, and the output has the same "
        "dtype.",
        dtypes=("float32", "float64", "bfloat16", "float16"), devices=_BOTH,
    ),
    Requirement(
        id="MASK-21", level="extended", source="IEEE 754: zero times NaN is NaN",
        sentence="A removed entry is zero in forward even if the dense weight holds NaN or infinity there.",
        patterns=("given",), devices=_BOTH,
    ),
    Requirement(
        id="MASK-22", level="extended", source="WeightNormSparsifier on constant weights (test_sparsity_levels)",
        sentence="With ties, the number removed is still exact and ties are broken as declared.",
        patterns=("unstructured-0.5", "unstructured-0.3"), devices=_BOTH, unless=_UNRANKED,
    ),
    Requirement(
        id="MASK-23", level="extended", revised=(4,),
        source="pytorch#134220",
        sentence="A partial block at the edge is always kept, ranked and pruned like any other block, or refused by "
        "name, as declared.",
        patterns=("block1x4-0.5", "block4x1-0.5"), layers=("ragged",), devices=_BOTH, unless=_LARGE,
    ),
    Requirement(
        id="MASK-24", level="extended", source="torch.ao.pruning BaseScheduler; Zhu and Gupta 2017, To prune or not",
        sentence="A raised level removes exactly the new count, lowest current scores first; if regrowth is declared "
        "monotone, no removed entry comes back.",
        patterns=("unstructured-0.3", "block2x2-0.3", "channel1-0.3"), needs=("relevel",), devices=_BOTH,
    ),
    Requirement(
        id="MASK-25", level="extended", source="Zhu and Gupta 2017; torch.ao.pruning WeightNormSparsifier:235",
        sentence="A lowered level brings back entries up to exactly the new count if regrowth is declared free, and "
        "none if it is monotone. Level 0 is a valid level, and the next update without a level returns to the plan's "
        "level.",
        patterns=("unstructured-0.9", "block4x1-0.9", "channel0-0.9"), needs=("relevel",), devices=_BOTH,
    ),
    Requirement(
        id="MASK-26", level="core", source="torch.nn.Module.eval; torch.no_grad",
        sentence="Masks and the weights used in forward are the same in train and eval mode, with and without "
        "gradients.",
        patterns=(CANONICAL_PATTERN,),
    ),
    Requirement(
        id="MASK-27", level="core", source="torch.nn.utils.prune (at attach); torch.ao.pruning (at step)",
        sentence="Masks are created at the declared time (attach or first update); forward never creates or changes "
        "them.",
    ),
    Requirement(
        id="MASK-28", level="core", source="reference/PROVENANCE.md",
        sentence="The stored reference weights and input produce the stored reference masks and output.",
        layers=("linear", "conv2d", "embedding"), devices=_BOTH, needs=("float32",),
        unless=(("score", "random"), ("score", "opaque"), *_LARGE),
    ),
    Requirement(
        id="MASK-29", level="core", source="torch docs, Reproducibility; torch.nn.utils.prune.random_unstructured",
        sentence="Masks depend on the random state if and only if the score is declared random.",
        patterns=(LEVELLED_PATTERN,), devices=_BOTH, unless=(("score", "opaque"),),
    ),
    Requirement(
        id="MASK-30", level="extended", source=_PARAMETRIZE,
        sentence="Under every pattern, forward computes with exactly where(mask, weight, 0), and the output follows "
        "from these weights.",
        patterns=("unstructured-0.5", "given", "block1x4-0.5", "2of4", "channel0-0.5", "channel1-0.3", "band-3"),
        devices=_BOTH,
    ),
    Requirement(
        id="MASK-31", level="extended", source="pytorch test_sparsifier.py::test_prepare_config",
        sentence="Each planned parameter gets the pattern that the plan assigns to it, whatever the order of the plan.",
        patterns=(LEVELLED_PATTERN, CANONICAL_PATTERN), layers=("linear", "mixed"), needs=("per_parameter",),
    ),
    Requirement(
        id="MASK-32", level="core", source="torch.ao.pruning NearlyDiagonalSparsifier",
        sentence="If the declared score is position, masks do not depend on the weights.",
        patterns=(LEVELLED_PATTERN,),
        unless=tuple(("score", score) for score in get_args(Score) if score != "position"),
    ),
    Requirement(
        id="MASK-33", level="extended", source="torch.Tensor.count_nonzero, of a weight that is sparse already",
        sentence="Entries that are already zero in the dense weight are counted and ranked like all others.",
        patterns=("unstructured-0.5", "channel0-0.5"), unless=_UNRANKED,
    ),
    Requirement(
        id="MASK-34", level="extended", source="torch.nn.utils.prune.ln_structured, dim",
        sentence="Pruning a convolution along dimension 1 removes whole input channels: weight[:, i] at every kernel "
        "position.",
        patterns=("channel1-0.5",), layers=("conv2d", "conv1d"),
    ),
    Requirement(
        id="MASK-35", level="extended", source="Evci et al. 2020, Rigging the Lottery", since=4,
        sentence="An update at an unchanged level ranks the current weights: after their scores were reversed, the "
        "lowest current scores are removed.",
        patterns=("unstructured-0.5", "block2x2-0.3", "channel1-0.3", "2of4"), needs=("reupdate",), devices=_BOTH,
        unless=(*_UNRANKED, ("score", "given"), ("regrowth", "monotone"), ("trained", "reparametrized")),
    ),
    Requirement(
        id="MASK-40", level="extended", source="numbers.Real; numpy.float32, which is no Python float", since=4,
        sentence="A level that is an int or a NumPy number is applied like the float of that value; one that is a "
        "tensor is applied likewise or raises an error.",
        patterns=(LEVELLED_PATTERN,), needs=("relevel",),
    ),
    Requirement(
        id="MASK-41", level="extended", source="IEEE 754: every comparison with NaN is false", since=4,
        sentence="One NaN or infinite entry of a planned weight does not change how many units are removed, or is "
        "refused.",
        patterns=("unstructured-0.5", "block1x4-0.5", "channel0-0.5", "2of4"), unless=_UNRANKED,
    ),
)

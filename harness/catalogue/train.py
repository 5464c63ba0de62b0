"""Area TRAIN: a sparse model stays sparse while it trains."""

from ..values.requirement import ACCELERATOR, CANONICAL_PATTERN, LEVELLED_PATTERN, Requirement

_BOTH = ("cpu", ACCELERATOR)

REQUIREMENTS = (
    Requirement(
        id="TRAIN-01", level="core", source="torch.optim.SGD, momentum",
        sentence="Under SGD with momentum, removed entries stay zero in forward, kept entries learn, and masks do not "
        "change.",
        layers=("linear", "conv2d", "embedding", "mixed"), dtypes=("float32", "float64"), devices=_BOTH,
    ),
    Requirement(
        id="TRAIN-02", level="core", source="torch.optim.AdamW, weight_decay",
        sentence="Under AdamW with weight decay, removed entries stay zero in forward, kept entries learn, and masks "
        "do not change.",
        layers=("linear", "conv2d"), devices=_BOTH,
    ),
    Requirement(
        id="TRAIN-03", level="core", source="torch docs, gradient accumulation",
        sentence="A step with gradients accumulated over two batches moves kept entries by their sum and leaves "
        "removed entries at zero.",
        unless=(("trained", "reparametrized"),),
    ),
    Requirement(
        id="TRAIN-04", level="core", source="torch.autocast",
        sentence="Under bfloat16 autocast, removed entries stay zero in forward, kept entries learn, and the output "
        "is bfloat16.",
        devices=_BOTH,
    ),
    Requirement(
        id="TRAIN-05", level="core", source="torch.optim.Optimizer.param_groups (probe G4)",
        sentence="An optimizer that was built before attach still trains the sparse model.",
    ),
    Requirement(
        id="TRAIN-06", level="extended", source="Zhu and Gupta 2017, To prune or not to prune", needs=("relevel",),
        sentence="A level raised between training steps removes the new count, and training continues.",
        patterns=(LEVELLED_PATTERN,),
    ),
    Requirement(
        id="TRAIN-07", level="core", source="BaseSparsifier.squash_mask", needs=("finalize",),
        sentence="Finalizing after training gives zero for removed entries and the trained values for kept entries.",
        layers=("linear", "conv2d"), patterns=(CANONICAL_PATTERN, LEVELLED_PATTERN),
    ),
    Requirement(
        id="TRAIN-08", level="core", source="pytorch test_sparsifier.py::test_step, does not collapse",
        sentence="Updates between training steps always remove the declared count: sparsity neither leaks nor "
        "collapses.",
        patterns=(LEVELLED_PATTERN,), needs=("reupdate",),
    ),
    Requirement(
        id="TRAIN-09", level="core", source="torch.optim.SGD, momentum",
        sentence="Training gives the same parameters as training a plain model whose removed entries are held at zero.",
        layers=("linear", "mixed"), unless=(("trained", "reparametrized"),),
    ),
    Requirement(
        id="TRAIN-10", level="extended", source="Evci et al. 2020, Rigging the Lottery", revised=(4,),
        needs=("relevel",),
        sentence="Entries that a lowered level brings back are trained if training changes them in a plain model.",
        patterns=(LEVELLED_PATTERN,), unless=(("regrowth", "monotone"), ("level_basis", "remaining")),
    ),
    Requirement(
        id="TRAIN-20", level="extended", since=4, source="torch.no_grad; torch.inference_mode",
        sentence="A model that was attached, updated and finalized under no_grad trains like any other, and one that "
        "was updated under inference_mode trains or raises torch's error about inference tensors.",
    ),
)

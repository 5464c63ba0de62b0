"""Area STATE: saving, restoring, copying and casting a sparse model."""

from ..values.requirement import ACCELERATOR, LEVELLED_PATTERN, Requirement

_BOTH = ("cpu", ACCELERATOR)
_RESTORE = ("restore",)
_SEED = "pytorch test_parametrization.py::test_state_dict_preserved"

REQUIREMENTS = (
    Requirement(
        id="STATE-01", level="core", source=_SEED, needs=_RESTORE,
        sentence="A saved state restored onto a dense model gives the same masks and output.",
        layers=("linear", "conv2d", "mixed", "bare"), dtypes=("float32", "bfloat16"), devices=_BOTH,
        added=(("bare", 4),),
    ),
    Requirement(
        id="STATE-02", level="core", source="torch.save; torch.load", needs=_RESTORE,
        sentence="A state saved to files and restored in a fresh interpreter gives the same masks and output.",
    ),
    Requirement(
        id="STATE-03", level="core", source="torch.nn.Module.load_state_dict, strict (probe B7)",
        sentence="An earlier state dict of the sparse model loads strictly into the same model and brings back its "
        "masks and output.",
        layers=("linear", "conv2d"),
    ),
    Requirement(
        id="STATE-04", level="core", source="torchao and pytorch FakeSparsity differ here; both are official",
        sentence="Masks are saved in the model's state dict, in the sidecar, in both or in neither, as declared.",
        needs=_RESTORE,
    ),
    Requirement(
        id="STATE-05", level="core", source="BaseSparsifier.load_state_dict (probes B12, B13)", needs=_RESTORE,
        sentence="One saved state can be restored twice, with the same masks and output each time.",
    ),
    Requirement(
        id="STATE-06", level="core", source="BaseSparsifier.load_state_dict (probe B14)", needs=_RESTORE,
        sentence="Training and updating a restored sparsifier changes neither the original nor the saved state.",
        patterns=(LEVELLED_PATTERN,),
    ),
    Requirement(
        id="STATE-07", level="core", source="BaseSparsifier.load_state_dict (probe B11)", needs=_RESTORE,
        sentence="A restored sparsifier shares no storage with the original or with the saved state.",
    ),
    Requirement(
        id="STATE-08", level="core", source="BaseSparsifier.load_state_dict (probe B12)", needs=_RESTORE,
        sentence="A restored sparsifier can be saved and restored again, with the masks and output of the original.",
    ),
    Requirement(
        id="STATE-09", level="core", source="BaseSparsifier.state_dict is the live dict (probe B10)",
        sentence="Saving does not change the model, and later training and updates do not change the saved sidecar.",
        needs=_RESTORE, patterns=(LEVELLED_PATTERN,),
    ),
    Requirement(
        id="STATE-10", level="core", revised=(4,),
        source="torch.nn.Module.load_state_dict, size mismatch", needs=_RESTORE,
        sentence="Restore refuses a model state or a sidecar that was saved from weights of another shape, and names "
        "the layer.",
    ),
    Requirement(
        id="STATE-11", level="core", source="torch.load, weights_only (probe B9)", needs=_RESTORE,
        sentence="The saved model state and sidecar load with torch.load(weights_only=True) and can be restored.",
    ),
    Requirement(
        id="STATE-12", level="core", source="torch.nn.Module.load_state_dict", needs=("finalize",),
        sentence="A finalized model's state dict loads strictly into the dense model, which then gives the sparse "
        "model's output.",
        layers=("linear", "conv2d"),
    ),
    Requirement(
        id="STATE-13", level="core", source="torch.nn.Module.to (probe X6)", dtypes=("float64", "bfloat16"),
        sentence="Casting the model with .to(dtype) keeps its masks, and the next update takes effect in the new "
        "dtype.",
    ),
    Requirement(
        id="STATE-14", level="core", source="copy.deepcopy; pytorch#37322", needs=("deepcopy",),
        sentence="A deep copy has the same masked weights and output, shares no storage with the original, and can be "
        "trained without changing it.",
    ),
    Requirement(
        id="STATE-15", level="core", source="BaseSparsifier.load_state_dict",
        needs=(*_RESTORE, "reupdate"),
        sentence="After restoring, the same training steps and updates produce the same masks as in the original.",
        patterns=(LEVELLED_PATTERN,), layers=("linear", "mixed"), unless=(("score", "random"), ("score", "opaque")),
    ),
    Requirement(
        id="STATE-16", level="core", source="torch.nn.Module.to(device) (probe A7)",
        sentence="Moving the model to another device moves all its tensors and masks, and the model gives the same "
        "output there.",
        devices=_BOTH,
    ),
    Requirement(
        id="STATE-17", level="core", source="BaseSparsifier.state_dict (probes A5, A6)", needs=_RESTORE,
        sentence="A state saved after attach, a cast and an update restores the masks of that update.",
        patterns=(LEVELLED_PATTERN,), dtypes=("float64",),
    ),
    Requirement(
        id="STATE-18", level="core", source="torch docs, Saving and loading models", needs=_RESTORE,
        sentence="Restore builds on the declared base: attach applied to the dense model, the dense model itself, or "
        "a saved whole model.",
    ),
    Requirement(
        id="STATE-19", level="core", source="torch.nn.Module.train; torch.nn.Parameter.requires_grad", needs=_RESTORE,
        sentence="Restore keeps the training flags and requires_grad of the model that it is given.",
        unless=(("restores_into", "whole model"),),
    ),
    Requirement(
        id="STATE-20", level="extended", source="torch docs, Saving and loading models", needs=_RESTORE,
        sentence="Under every pattern, a state saved after training restores the trained weights and the same masks.",
        patterns=("unstructured-0.5", "given", "block1x4-0.5", "2of4", "channel0-0.5", "band-3"),
        unless=(("mask_storage", "nowhere"),),
    ),
    Requirement(
        id="STATE-21", level="extended", source="torch.nn.BatchNorm1d, running statistics", needs=_RESTORE,
        sentence="Buffers that do not belong to the sparsifier, such as running statistics, are saved and restored "
        "with the model.",
        layers=("normed",),
    ),
    Requirement(
        id="STATE-22", level="extended", since=4, source="pickle; torch.save of a whole model",
        sentence="Pickling the model fails, or the unpickled model gives the sparse model's output, and never another "
        "output.",
        layers=("linear", "mixed"),
    ),
    Requirement(
        id="STATE-30", level="extended", since=4, needs=("finalize", "restore"),
        source="torch.nn.Module.state_dict of a finalized model, which has no masks",
        sentence="After finalize, saving or restoring what was saved is refused, or gives the output of the finalized "
        "model.",
    ),
    Requirement(
        id="STATE-31", level="extended", since=4, source="torch.nn.Module.load_state_dict, assign",
        sentence="After load_state_dict(assign=True), which replaces parameters and buffers, masks and output are "
        "those of the loaded state, and a further update takes effect.",
        patterns=(LEVELLED_PATTERN,),
    ),
)

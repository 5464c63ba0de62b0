"""STATE: saving, restoring, copying and casting a sparse model."""

from ..values.requirement import ACCELERATOR, LEVELLED_PATTERN, Requirement

_BOTH = ("cpu", ACCELERATOR)
_RESTORE = ("restore",)
_SEED = "pytorch test_parametrization.py::test_state_dict_preserved"

REQUIREMENTS = (
    Requirement(
        id="STATE-01", level="core", source=_SEED, needs=_RESTORE,
        sentence="What is saved and restored onto a dense model gives the same masks and the same output.",
        layers=("linear", "conv2d", "mixed"), dtypes=("float32", "bfloat16"), devices=_BOTH,
    ),
    Requirement(
        id="STATE-02", level="core", source="torch.save; torch.load", needs=_RESTORE,
        sentence="What is saved to files and restored in a fresh interpreter gives the same masks and output.",
    ),
    Requirement(
        id="STATE-03", level="core", source="torch.nn.Module.load_state_dict, strict (probe B7)",
        sentence="The sparse model's state dict loads strictly into the model it came from, and brings it back.",
        layers=("linear", "conv2d"),
    ),
    Requirement(
        id="STATE-04", level="core", source="torchao and pytorch FakeSparsity differ here; both are official",
        sentence="Masks travel in the model's state dict, in the sidecar, in both or in neither, as declared.",
        needs=_RESTORE,
    ),
    Requirement(
        id="STATE-05", level="core", source="BaseSparsifier.load_state_dict (probes B12, B13)", needs=_RESTORE,
        sentence="One saved state restores twice, each time to the same masks and output.",
    ),
    Requirement(
        id="STATE-06", level="core", source="BaseSparsifier.load_state_dict (probe B14)", needs=_RESTORE,
        sentence="Training and updating what was restored leaves the donor and the saved state as they were.",
        patterns=(LEVELLED_PATTERN,),
    ),
    Requirement(
        id="STATE-07", level="core", source="BaseSparsifier.load_state_dict (probe B11)", needs=_RESTORE,
        sentence="What was restored shares no storage with the donor or the saved state.",
    ),
    Requirement(
        id="STATE-08", level="core", source="BaseSparsifier.load_state_dict (probe B12)", needs=_RESTORE,
        sentence="A resume of a resume has the masks and the output of the first run.",
    ),
    Requirement(
        id="STATE-09", level="core", source="BaseSparsifier.state_dict is the live dict (probe B10)",
        sentence="Saving changes nothing, and the sidecar saved is a snapshot that later updates do not reach.",
        needs=_RESTORE, patterns=(LEVELLED_PATTERN,),
    ),
    Requirement(
        id="STATE-10", level="core", source="torch.nn.Module.load_state_dict, size mismatch", needs=_RESTORE,
        sentence="A state saved from weights of another shape, or its sidecar alone, is refused by the layer's name.",
    ),
    Requirement(
        id="STATE-11", level="core", source="torch.load, weights_only (probe B9)", needs=_RESTORE,
        sentence="What was saved loads with torch.load(weights_only=True), and restores from there.",
    ),
    Requirement(
        id="STATE-12", level="core", source="torch.nn.Module.load_state_dict", needs=("finalize",),
        sentence="A finalized model's state dict loads strictly into the dense model, which then gives its output.",
        layers=("linear", "conv2d"),
    ),
    Requirement(
        id="STATE-13", level="core", source="torch.nn.Module.to (probe X6)", dtypes=("float64", "bfloat16"),
        sentence="After a cast by .to(dtype) the same entries are removed, and the next update takes hold in it.",
    ),
    Requirement(
        id="STATE-14", level="core", source="copy.deepcopy; pytorch#37322",
        sentence="A deep copy has the same masks and output, and training it leaves the first as it was.",
    ),
    Requirement(
        id="STATE-15", level="core", source="BaseSparsifier.load_state_dict",
        needs=(*_RESTORE, "reupdate"),
        sentence="Trained and updated alike, what was restored has the masks that its donor has, step by step.",
        patterns=(LEVELLED_PATTERN,), layers=("linear", "mixed"), unless=(("score", "random"), ("score", "opaque")),
    ),
    Requirement(
        id="STATE-16", level="core", source="torch.nn.Module.to(device) (probe A7)",
        sentence="Moved to another device and back, the model runs there, and masks and output are what they were.",
        devices=_BOTH,
    ),
    Requirement(
        id="STATE-17", level="core", source="BaseSparsifier.state_dict (probes A5, A6)", needs=_RESTORE,
        sentence="What is saved after a cast and an update carries the masks as they then are.",
        patterns=(LEVELLED_PATTERN,), dtypes=("float64",),
    ),
    Requirement(
        id="STATE-18", level="core", source="torch docs, Saving and loading models", needs=_RESTORE,
        sentence="A restore attaches anew to the dense model, builds on it without, or needs none of it, as declared.",
    ),
    Requirement(
        id="STATE-19", level="core", source="torch.nn.Module.train; torch.nn.Parameter.requires_grad", needs=_RESTORE,
        sentence="A restore leaves train and eval flags and requires_grad as they are in the model that it builds on.",
        unless=(("restores_into", "whole model"),),
    ),
    Requirement(
        id="STATE-20", level="extended", source="torch docs, Saving and loading models", needs=_RESTORE,
        sentence="What is saved after training is restored as trained, with the masks it had, under every pattern.",
        patterns=("unstructured-0.5", "given", "block1x4-0.5", "2of4", "channel0-0.5", "band-3"),
        unless=(("mask_storage", "nowhere"),),
    ),
    Requirement(
        id="STATE-21", level="extended", source="torch.nn.BatchNorm1d, running statistics", needs=_RESTORE,
        sentence="What is not the sparsifier's, as running statistics, is saved and restored with the model.",
        layers=("normed",),
    ),
)

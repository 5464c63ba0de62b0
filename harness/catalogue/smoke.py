"""Area SMOKE: basic checks of an adapter. If one of them fails, nothing else is run."""

from ..values.requirement import Profile, Requirement

_ALL: tuple[Profile, ...] = ("mask", "structural")

REQUIREMENTS = (
    Requirement(
        id="SMOKE-01", level="core", source="sparsecheck.Adapter.attach",
        sentence="The model that attach returns runs, and its output has the shape of the dense model's output.",
        profiles=_ALL,
    ),
    Requirement(
        id="SMOKE-02", level="core", source="sparsecheck.Sparsified.masks",
        sentence="After an update, masks() returns a mask for each planned parameter, under its name and with its "
        "shape.",
    ),
    Requirement(
        id="SMOKE-03", level="core", source="sparsecheck.Sparsified.update",
        sentence="After an update, every planned layer computes with a weight that differs from the dense one.",
    ),
    Requirement(
        id="SMOKE-04", level="core", source="sparsecheck.Sparsified.train",
        sentence="Training completes and changes at least one parameter.",
        profiles=_ALL,
    ),
    Requirement(
        id="SMOKE-05", level="core", source="sparsecheck.Sparsified.save; sparsecheck.Adapter.restore",
        sentence="The saved model state is not empty, and the model restored from it runs.", needs=("restore",),
        profiles=_ALL,
    ),
    Requirement(
        id="SMOKE-06", level="core", source="sparsecheck.Sparsified.finalize",
        sentence="Finalize returns a model that runs.", needs=("finalize",), profiles=_ALL,
    ),
    Requirement(
        id="SMOKE-07", level="core", since=2, source="sparsecheck.Sparsified.update", profiles=("structural",),
        sentence="After an update, every planned layer has fewer output channels than in the dense model.",
    ),
)

"""SMOKE: whether an adapter is fit to be judged by. Where one of these is red, nothing else is run."""

from ..values.requirement import Profile, Requirement

_ALL: tuple[Profile, ...] = ("mask", "structural")

REQUIREMENTS = (
    Requirement(
        id="SMOKE-01", level="core", source="sparsecheck.Adapter.attach",
        sentence="Attach gives a model that takes the dense model's input and gives an output of the same shape.",
        profiles=_ALL,
    ),
    Requirement(
        id="SMOKE-02", level="core", source="sparsecheck.Sparsified.masks",
        sentence="After an update there is a mask for each planned parameter, under its name and of its shape.",
    ),
    Requirement(
        id="SMOKE-03", level="core", source="sparsecheck.Sparsified.update",
        sentence="After an update forward computes with another weight in every planned layer.",
    ),
    Requirement(
        id="SMOKE-04", level="core", source="sparsecheck.Sparsified.train",
        sentence="A training step goes through, and some parameter moves.",
        profiles=_ALL,
    ),
    Requirement(
        id="SMOKE-05", level="core", source="sparsecheck.Sparsified.save; sparsecheck.Adapter.restore",
        sentence="What is saved has tensors in it, and is restored to a model that runs.", needs=("restore",),
        profiles=_ALL,
    ),
    Requirement(
        id="SMOKE-06", level="core", source="sparsecheck.Sparsified.finalize",
        sentence="Finalize gives a model that runs.", needs=("finalize",), profiles=_ALL,
    ),
    Requirement(
        id="SMOKE-07", level="core", since=2, source="sparsecheck.Sparsified.update", profiles=("structural",),
        sentence="After an update every planned layer has fewer output channels.",
    ),
)

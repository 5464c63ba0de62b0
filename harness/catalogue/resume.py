"""Area RESUME: a run that is saved, ended, restored elsewhere and carried on."""

from typing import Any

from ..values.requirement import LEVELLED_PATTERN, Requirement

_RESTORED: dict[str, Any] = {
    "since": 4, "patterns": (LEVELLED_PATTERN,), "needs": ("restore",), "unless": (("mask_storage", "nowhere"),),
}

REQUIREMENTS = (
    Requirement(
        id="RESUME-01", level="core", source="torch docs, Saving and loading a general checkpoint",
        sentence="A run that is saved between two updates, right after one or before the first, and carried on in a "
        "fresh interpreter ends as the uninterrupted one does, bit for bit: weights, masks, optimizer, learning "
        "rate, schedule and random numbers.",
        layers=("between", "updated", "attached"), **_RESTORED,
    ),
    Requirement(
        id="RESUME-02", level="core", source="BaseSparsifier.load_state_dict (probe B12), within a run",
        sentence="A run that was resumed in a fresh interpreter, trained and updated, and is saved and resumed once "
        "more ends as the uninterrupted one does, bit for bit.",
        layers=("attached",), **_RESTORED,
    ),
    Requirement(
        id="RESUME-03", level="core", since=4, source="torch docs, Saving and loading a general checkpoint",
        sentence="A run that is saved before attach, and attached in a fresh interpreter, ends as the uninterrupted "
        "one does, bit for bit.",
        patterns=(LEVELLED_PATTERN,),
    ),
    Requirement(
        id="RESUME-04", level="extended", since=4, source="torch.nn.Module.load_state_dict of a deployed model",
        sentence="A finalized model whose state is loaded into a dense model in a fresh interpreter trains there as "
        "the original does, bit for bit.",
        patterns=(LEVELLED_PATTERN,), needs=("finalize",),
    ),
    Requirement(
        id="RESUME-05", level="extended", source="torch.load, mmap; safetensors.torch.save_file",
        sentence="A run whose model state was read from a file with mmap=True, or from a safetensors file, ends as the "
        "uninterrupted one does, though another checkpoint is written over the file.",
        layers=("safetensors", "mmap"), **_RESTORED,
    ),
    Requirement(
        id="RESUME-06", level="extended", source="torch.nn.Module.load_state_dict, assign; torch.device('meta')",
        sentence="If load_state_dict assigns, onto a usual model or one that was built on the meta device, the "
        "resumed run raises an error or ends as the uninterrupted one does, and never otherwise.",
        layers=("assign", "meta"), **_RESTORED,
    ),
)

"""Area LIFE: unusual orders of calls, copies, second sparsifiers, and memory."""

from ..values.requirement import LEVELLED_PATTERN, Requirement

REQUIREMENTS = (
    Requirement(
        id="LIFE-01", level="core", since=4, source="torch.nn.Module.requires_grad_; torch-pruning DependencyGraph",
        sentence="A model whose parameters are all frozen gets the masks of a trainable one, or is refused.",
        profiles=("mask", "structural"),
    ),
    Requirement(
        id="LIFE-02", level="core", since=4, source="sparsecheck.Sparsified.finalize, before any update",
        sentence="Finalize before the first update keeps the model's output, or is refused and leaves the model "
        "unchanged.",
        needs=("finalize",), profiles=("mask", "structural"),
    ),
    Requirement(
        id="LIFE-03", level="core", since=4, source="torch.nn.utils.prune, _validate_pruning_amount",
        sentence="An update to a level outside 0 to 1 is refused and leaves masks and model unchanged.",
        patterns=(LEVELLED_PATTERN,), needs=("relevel",), profiles=("mask", "structural"),
    ),
    Requirement(
        id="LIFE-04", level="core", since=4, source="torch.ao.pruning BaseSparsifier.prepare, of a part of a model",
        sentence="Two sparsifiers of different layers of one model keep to their own layers, also when one of them is "
        "updated or finalized; or the second is refused.",
        needs=("finalize",), unless=(("attaches", "copy"),),
    ),
    Requirement(
        id="LIFE-05", level="extended", since=4, source="torch.ao.pruning BaseSparsifier.groups, which hold modules",
        sentence="After a planned layer was replaced by a dense one, an update sparsifies the new layer or raises an "
        "error.",
        needs=("reupdate",), unless=(("attaches", "copy"), ("masks_at", "attach")),
    ),
    Requirement(
        id="LIFE-06", level="extended", since=4, source="copy.deepcopy of a BaseSparsifier",
        sentence="If a model can be copied, its sparsifier refuses a deep copy, or the copy is one of its own: it "
        "updates, and neither changes the other.",
        patterns=(LEVELLED_PATTERN,), needs=("reupdate", "deepcopy"),
    ),
    Requirement(
        id="LIFE-07", level="core", since=4, source="torch.Tensor.untyped_storage",
        sentence="Further updates need no further memory.",
        needs=("reupdate",), profiles=("mask", "structural"),
    ),
    Requirement(
        id="LIFE-08", level="extended", since=4, source="torch.save, which writes whole storages",
        sentence="A saved state is no larger than the dense model with two more tensors of the planned weights' dtype "
        "and shape.",
        needs=("restore",), profiles=("mask", "structural"),
    ),
    Requirement(
        id="LIFE-09", level="extended", since=4, source="torch.nn.utils.prune, weight, weight_orig and weight_mask",
        sentence="An attached model holds no more memory than the dense model with two more tensors of the planned "
        "weights' dtype and shape.",
        profiles=("mask", "structural"),
    ),
    Requirement(
        id="LIFE-10", level="core", since=4, source="torch.ao.pruning BaseSparsifier.squash_mask",
        sentence="Once a finalized model is all that its user keeps, it is all that is left in memory.",
        needs=("finalize",), profiles=("mask", "structural"),
    ),
    Requirement(
        id="LIFE-11", level="extended", since=4, source="KeyboardInterrupt in the middle of an update",
        sentence="After an update that an exception has ended midway, the next update takes effect.",
        patterns=(LEVELLED_PATTERN,), needs=("reupdate",),
    ),
    Requirement(
        id="LIFE-12", level="extended", since=4, source="pickle; torch.save of a whole model; Tensor.__reduce_ex__",
        sentence="A model that is pickled or saved whole trains as the original does and shares nothing with it; if "
        "that is not declared, pickling may raise an error.",
    ),
    Requirement(
        id="LIFE-13", level="extended", since=4, source="torch.multiprocessing, spawn; reductions.rebuild_tensor",
        sentence="A model that is sent to a spawned process computes and trains there as here; if pickling is not "
        "declared, sending it may raise an error.",
    ),
    Requirement(
        id="LIFE-14", level="extended", since=4, source="pickle of a BaseSparsifier, __getstate__ and __setstate__",
        sentence="A sparsifier that is pickled is one of its own: it updates, and neither changes the other; if that "
        "is not declared, pickling it may raise an error.",
        patterns=(LEVELLED_PATTERN,), needs=("reupdate",),
    ),
    Requirement(
        id="LIFE-15", level="extended", since=4, source="torch.nn.Module.forward, called by threads of a server",
        sentence="If two threads run a model at the same time, each gets the output that it gets alone.",
        unless=(("threads", "any"),),
    ),
    Requirement(
        id="LIFE-16", level="extended", since=4, source="torch.nn.Module.forward in one thread, an update in another",
        sentence="A forward that another thread runs during an update gives the output of the masks before it or of "
        "those after it.",
        patterns=(LEVELLED_PATTERN,), needs=("reupdate", "relevel"),
        unless=(("threads", "any"), ("threads", "forward")),
    ),
    Requirement(
        id="LIFE-17", level="extended", since=4, source="MemoryError or KeyboardInterrupt in the middle of a call",
        sentence="A declared call that an exception ends midway, at its first operator, its last or one between, "
        "leaves everything as it was.",
        patterns=(LEVELLED_PATTERN,), unless=(("undone", "none"),),
    ),
)

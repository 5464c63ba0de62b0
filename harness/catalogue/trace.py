"""Area TRACE: a sparse model under torch.jit.trace, torch.export and torch.compile."""

from ..values.requirement import ACCELERATOR, LEVELLED_PATTERN, Requirement

_BOTH = ("cpu", ACCELERATOR)
_SEED = "pytorch test_parametrization.py::test_jit_trace"

REQUIREMENTS = (
    Requirement(
        id="TRACE-01", level="core", source=_SEED, needs=("trace",),
        sentence="A model traced by torch.jit.trace gives the sparse model's output on fresh inputs and other batch "
        "sizes.",
        layers=("linear", "conv2d", "embedding"), dtypes=("float32", "float64"), devices=_BOTH,
    ),
    Requirement(
        id="TRACE-02", level="core", source=_SEED, needs=("trace",),
        sentence="A model traced by torch.jit.trace_module gives the sparse model's output on fresh inputs and other "
        "batch sizes.",
        layers=("short",),
    ),
    Requirement(
        id="TRACE-03", level="core", source="torch.jit.save; torch.jit.load",
        needs=("trace", "save_trace"),
        sentence="A trace that is saved and loaded gives the sparse model's output.",
        layers=("short",),
    ),
    Requirement(
        id="TRACE-04", level="core", source="torch.jit.trace, check_trace", needs=("trace",),
        sentence="Tracing does not change the model's weights, masks, flags or output.",
        layers=("short",),
    ),
    Requirement(
        id="TRACE-05", level="core", source="torch.jit.trace", needs=("trace", "finalize"),
        sentence="A trace of the finalized model gives the sparse model's output.",
        layers=("short", "conv2d"),
    ),
    Requirement(
        id="TRACE-06", level="extended", source="torch.export.export, strict=False", needs=("export",), torch=">=2.4",
        sentence="A model exported by torch.export with a dynamic batch size gives the sparse model's output on fresh "
        "inputs.",
        layers=("short", "conv2d", "embedding"), devices=_BOTH,
    ),
    Requirement(
        id="TRACE-07", level="extended", source="torch.export.save; torch.export.load", needs=("export",),
        torch=">=2.4",
        sentence="An exported program that is saved and loaded gives the sparse model's output.",
        layers=("short",),
    ),
    Requirement(
        id="TRACE-08", level="extended", source="torch.export.export", needs=("export",), torch=">=2.4",
        sentence="Exporting does not change the model's weights, masks, flags or output.",
        layers=("short",),
    ),
    Requirement(
        id="TRACE-09", level="extended", source="torch.export.export", needs=("export", "finalize"), torch=">=2.4",
        sentence="An exported program of the finalized model gives the sparse model's output.",
        layers=("short",),
    ),
    Requirement(
        id="TRACE-10", level="extended", source="torch.compile, fullgraph", needs=("compile",),
        sentence="A model compiled by torch.compile (aot_eager, fullgraph) gives the sparse model's output on fresh "
        "inputs.",
        layers=("short", "conv2d"), devices=_BOTH,
    ),
    Requirement(
        id="TRACE-11", level="extended", source="torch.compile, guards", needs=("compile", "relevel"),
        sentence="A compiled model uses the new masks after an update.",
        patterns=(LEVELLED_PATTERN,),
        layers=("short",),
    ),
    Requirement(
        id="TRACE-12", level="extended", source="torch.compile", needs=("compile", "finalize"),
        sentence="A finalized model compiled by torch.compile (aot_eager, fullgraph) gives the sparse model's output.",
        layers=("short",),
    ),
    Requirement(
        id="TRACE-13", level="core", source="torch.jit.trace", needs=("trace",),
        sentence="A trace made after training uses the trained weights, even without another update.",
        layers=("short",),
    ),
)

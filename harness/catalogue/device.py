"""Area DEVICE: results on an accelerator, and moves between devices."""

from ..values.requirement import ACCELERATOR, CANONICAL_PATTERN, LEVELLED_PATTERN, Requirement

_THERE = (ACCELERATOR,)

REQUIREMENTS = (
    Requirement(
        id="DEVICE-01", level="extended", since=3, source="torch docs, Reproducibility", devices=_THERE, needs=("cpu",),
        sentence="The same weights get the same masks on an accelerator as on the CPU, except for ties that the "
        "contract leaves open.",
        patterns=(CANONICAL_PATTERN, "unstructured-0.5", "block1x4-0.5", "2of4", "channel0-0.5"),
        unless=(("score", "random"), ("score", "opaque")),
    ),
    Requirement(
        id="DEVICE-02", level="extended", since=3, source="torch docs, Numerical accuracy", devices=_THERE,
        sentence="The output on an accelerator and on the CPU has the model's dtype and is within tolerance of the "
        "exact result.",
        needs=("cpu",), dtypes=("float32", "bfloat16", "float16"), torch=">=2.2",
    ),
    Requirement(
        id="DEVICE-03", level="extended", since=3, source="torch.load, map_location", devices=_THERE,
        sentence="A state saved on one device restores on the other with the same masks and output, in both "
        "directions.",
        needs=("cpu", "restore"),
    ),
    Requirement(
        id="DEVICE-04", level="extended", since=3, source="torch.jit.ScriptModule.to(device)", devices=_THERE,
        sentence="A trace made on one device and moved to the other gives the same output there, in both directions.",
        layers=("short",), needs=("cpu", "trace"),
    ),
    Requirement(
        id="DEVICE-05", level="extended", since=3, source="torch.cuda.CUDAGraph", devices=_THERE,
        sentence="A CUDA graph captured before an update uses the new masks when it is replayed after the update.",
        patterns=(LEVELLED_PATTERN,), needs=("relevel",), offers=("graphs",),
    ),
    Requirement(
        id="DEVICE-06", level="extended", since=3, source="torch.cuda.max_memory_allocated",
        sentence="A forward allocates at most the dense model's peak memory, plus one mask of weight size per planned "
        "weight, plus the largest planned weight.",
        layers=("large",), devices=("cpu", ACCELERATOR), offers=("peak memory",),
    ),
)

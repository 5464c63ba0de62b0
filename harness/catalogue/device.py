"""DEVICE: the same on an accelerator as on the CPU, and from one to the other."""

from ..values.requirement import ACCELERATOR, CANONICAL_PATTERN, LEVELLED_PATTERN, Requirement

_THERE = (ACCELERATOR,)

REQUIREMENTS = (
    Requirement(
        id="DEVICE-01", level="extended", since=3, source="torch docs, Reproducibility", devices=_THERE, needs=("cpu",),
        sentence="On an accelerator the same weights give the CPU's masks, but for ties that the contract leaves open.",
        patterns=(CANONICAL_PATTERN, "unstructured-0.5", "block1x4-0.5", "2of4", "channel0-0.5"),
        unless=(("score", "random"), ("score", "opaque")),
    ),
    Requirement(
        id="DEVICE-02", level="extended", since=3, source="torch docs, Numerical accuracy", devices=_THERE,
        sentence="On an accelerator and on the CPU the output is within bounds, and of the dtype that the model has.",
        needs=("cpu",), dtypes=("float32", "bfloat16", "float16"), torch=">=2.2",
    ),
    Requirement(
        id="DEVICE-03", level="extended", since=3, source="torch.load, map_location", devices=_THERE,
        sentence="What is saved on one device restores on the other, both ways, to the same masks and output there.",
        needs=("cpu", "restore"),
    ),
    Requirement(
        id="DEVICE-04", level="extended", since=3, source="torch.jit.ScriptModule.to(device)", devices=_THERE,
        sentence="A trace that is made on one device and moved to the other gives the output there, both ways.",
        layers=("short",), needs=("cpu", "trace"),
    ),
    Requirement(
        id="DEVICE-05", level="extended", since=3, source="torch.cuda.CUDAGraph", devices=_THERE,
        sentence="A graph captured before an update replays the masks of after it, and not those it was captured with.",
        patterns=(LEVELLED_PATTERN,), needs=("relevel",), offers=("graphs",),
    ),
    Requirement(
        id="DEVICE-06", level="extended", since=3, source="torch.cuda.max_memory_allocated",
        sentence="A forward takes no more memory than the dense one, one planned weight, and a mask as wide for each.",
        layers=("large",), devices=("cpu", ACCELERATOR), offers=("peak memory",),
    ),
)

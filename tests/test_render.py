"""Programs as Python: the lines run with torch and the adapter protocol alone, and say what the program says."""

import pytest
import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.programs.format_code import WIDTH
from sparsecheck.programs.render import definitions, imports, render
from sparsecheck.values.program import Program, ProgramLayer, Removal
from sparsecheck.values.steps import (
    AddHook,
    Attach,
    Backward,
    CallLayer,
    Cast,
    ChangeMemory,
    CopyModel,
    Finalize,
    Forward,
    Freeze,
    FunctionalCall,
    Parametrize,
    SaveAndRestore,
    SetMode,
    Step,
    Train,
    Update,
    WriteWeights,
)

from .test_programs import LIFE

SHORT = Program(
    layers=(ProgramLayer(name="layer1", kind="linear", inputs=2, outputs=2),), values="few",
    plan=(Removal(name="layer1.weight", pattern="unstructured", level=0.29),), steps=(Attach(), Update(level=0.29)),
)
ALL: tuple[Step, ...] = (
    AddHook(), AddHook(kind="state_dict", on="model"), WriteWeights(how="data"), Attach(), Update(),
    Update(level=1.0, type="int"), Update(level=0.5, type="numpy", under="no_grad"), WriteWeights(),
    WriteWeights(how="load_state_dict"), Forward(batch=1, under="autocast"), Backward(zero="zeros"), Train(), SetMode(),
    Freeze(), Freeze(frozen=False), ChangeMemory(), CopyModel(how="deepcopy"), CallLayer(), FunctionalCall(),
    Cast(), SaveAndRestore(through="memory"), Parametrize(), Forward(), Finalize(train=1),
)
TORCH_CANNOT: dict[str, tuple[type, ...]] = {
    "conv3d": (ChangeMemory,), "lstm": (CopyModel, Forward, CallLayer), "gru": (CopyModel, Forward, CallLayer),
}
"""By kind of layer, steps that torch or the exemplar cannot take with it."""

KINDS = ("linear", "conv1d", "conv2d", "conv3d", "transposed1d", "transposed2d", "embedding", "lstm", "gru", "scale")


def run(program: Program) -> list[str]:
    lines = render(program, "parametrization")
    own = definitions(lines)
    code = "\n".join([*imports([*lines, *own]), *own, *lines])
    exec(compile(code, "rendered", "exec"), {"adapter": ExemplarAdapter()})
    return lines


def test_short_program_is_nine_lines() -> None:
    assert run(SHORT) == [
        "model = Chain(OrderedDict(layer1=nn.Linear(2, 2, bias=False)))",
        "model.layer1.weight.data = torch.tensor([[-0.25, 0.25], [0.75, -0.5]])",
        'plan = Plan({"layer1.weight": Unstructured(0.29)})',
        "inputs = torch.rand(3, 2)",
        "batches = [(torch.rand(3, 2), torch.rand(3, 2)) for _ in range(3)]",
        'context = Context(inputs, tuple(batches[:2]), torch.device("cpu"), torch.float32)',
        "sparsified = adapter.attach(model, plan, context)",
        "model = sparsified.model",
        "sparsified.update(0.29)",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_and_layer_runs_as_python(kind: str) -> None:
    layer = ProgramLayer(name="body.layer1", kind=kind, inputs=4, outputs=0 if kind == "scale" else 4)  # type: ignore[arg-type]
    [name, *_] = layer.shapes
    plan = (Removal(name=f"body.layer1.{name}", pattern="unstructured"),)
    extra = ProgramLayer(name="layer2", kind="linear", inputs=3, outputs=2, bias=True)
    with torch.random.fork_rng():
        steps = tuple(step for step in ALL if not isinstance(step, TORCH_CANNOT.get(kind, ())))
        lines = run(Program(layers=(layer, extra), plan=plan, steps=steps))
    assert max(map(len, lines)) <= WIDTH + 10


def test_long_life_runs_as_python() -> None:
    kept = tuple(step for step in LIFE.steps if step != Update(level=1.5))
    program = Program(layers=LIFE.layers, optimizer=LIFE.optimizer, plan=LIFE.plan, steps=kept)
    with torch.random.fork_rng():
        assert any("SelfAttention(8, 2, batch_first=True)" in line for line in run(program))


def test_refusals_say_what_must_be_refused() -> None:
    asked = Program(layers=SHORT.layers, plan=(Removal(name="layer1.bias", pattern="unstructured"),),
                    steps=(Attach(), Update(level=1.5)))
    comments = [line.partition("  # ")[2] for line in render(asked)]
    assert [*filter(None, comments)] == [
        "must be refused: there is no layer1.bias", "must be refused: a level is a fraction from 0 to 1",
    ]


@pytest.mark.parametrize("values", ["nan", "subnormal", "wide"])
@pytest.mark.parametrize("memory", ["transposed", "expanded"])
def test_values_and_memory_are_rendered(values: str, memory: str) -> None:
    program = Program(layers=SHORT.layers, plan=SHORT.plan, steps=SHORT.steps, values=values, memory=memory)  # type: ignore[arg-type]
    run(program)

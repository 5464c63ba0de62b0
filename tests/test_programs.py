"""Programs: JSON in and out, and one long life of the exemplar that visits every step."""

import pytest
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Adapter
from sparsecheck.adapter.declaring import read_declaration
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter
from sparsecheck.process.guard import Guard
from sparsecheck.programs.twin import Twin
from sparsecheck.programs.walk import Walk
from sparsecheck.values.program import InvalidProgram, OptimizerKind, Program, ProgramLayer, Removal
from sparsecheck.values.program_json import from_json, to_json
from sparsecheck.values.steps import (
    AddHook,
    Attach,
    Backward,
    CallLayer,
    Cast,
    CopyModel,
    Finalize,
    Forward,
    Freeze,
    FunctionalCall,
    LevelType,
    SaveAndRestore,
    SetMode,
    Train,
    Update,
    WriteWeights,
)
from sparsecheck.values.violation import Violation
from tests.variants.applied import RetypedAdapter

LAYERS = (
    ProgramLayer(name="conv", kind="conv2d", inputs=2, outputs=3, kernel=3, bias=True),
    ProgramLayer(name="body.up", kind="transposed1d", inputs=3, outputs=4, kernel=2),
    ProgramLayer(name="attend", kind="attention", inputs=8, groups=2, bias=True),
    ProgramLayer(name="norm", kind="batchnorm", inputs=5),
    ProgramLayer(name="fc", kind="linear", inputs=5, outputs=5, sequence=3, bias=True),
    ProgramLayer(name="again", kind="again", of="fc"),
)
PLANNED = ("conv.weight", "body.up.weight", "attend.out_proj.weight", "fc.weight")
LIFE = Program(
    layers=LAYERS,
    optimizer="adamw",
    plan=tuple(Removal(name=name, pattern="unstructured", level=0.3) for name in PLANNED),
    steps=(
        AddHook(kind="forward_pre"), Attach(), Update(), Forward(), Forward(batch=0), Train(), Update(level=0.7),
        Backward(forwards=2), Train(steps=3), SetMode(), Update(level=0.29), WriteWeights(how="assign"),
        Update(level=0.5, type="numpy"), CallLayer(), FunctionalCall(), CopyModel(), CopyModel(what="sparsified"),
        Cast(dtype="float64"), Update(level=1.5), SaveAndRestore(), Train(), Finalize(train=2),
    ),
)


def walk(program: Program, adapter: Adapter) -> Walk:
    guard = Guard()
    made = Walk(program, adapter, read_declaration(adapter, "exemplar"), guard)
    with guard.watch():
        made.run()
    return made


def test_program_survives_json() -> None:
    assert from_json(to_json(LIFE), "life.json") == LIFE


@pytest.mark.parametrize("text", [b"", b"{}", b'{"format": 2}', b"\xff", b"[" * 100_000])
def test_other_json_is_rejected_in_one_sentence(text: bytes) -> None:
    with pytest.raises(InvalidProgram, match=r"^life\.json is no program: "):
        from_json(text, "life.json")


def test_exemplar_lives_a_long_life() -> None:
    made = walk(LIFE, ExemplarAdapter())
    assert made.finished
    assert not made.adopted
    assert not made.skipped


@pytest.mark.parametrize(("optimizer", "skipped"), [("sgd", 0), ("adam", 1), ("adamw", 1)])
def test_training_after_a_cast_is_skipped_where_torch_takes_no_step(optimizer: OptimizerKind, skipped: int) -> None:
    steps = (Attach(), Update(), Train(), Cast(dtype="float64"), Train(), Forward())
    made = walk(replace(LIFE, optimizer=optimizer, steps=steps), ExemplarAdapter())
    assert len(made.skipped) == skipped


def test_every_weight_is_assigned_where_the_first_replaces_all_parameters() -> None:
    """Where planned layers change their type, no place is known any more once parameters were replaced."""
    layers = tuple(ProgramLayer(name=name, kind="linear", inputs=6, outputs=6, bias=True) for name in ("one", "two"))
    planned = tuple(Removal(name=f"{one.name}.weight", pattern="unstructured", level=0.5) for one in layers)
    steps = (Attach(), Update(), Train(), WriteWeights(how="assign"), Train())
    program = Program(layers=layers, plan=planned, optimizer="adamw", steps=steps)
    assert not walk(program, RetypedAdapter()).skipped


class _Signed(Exemplar):
    """Ranks the weights of transposed convolutions by their sign."""

    def _dense(self, name: str) -> Tensor:
        dense = super()._dense(name)
        return dense.clamp(min=0) if "up" in name else dense


class _SignedAdapter(ExemplarAdapter):
    sparsified = _Signed


def test_a_wrong_rank_on_one_kind_of_layer_is_found() -> None:
    with pytest.raises(Violation, match=r"step 13, update .*: mask of body.up.weight") as caught:
        walk(LIFE, _SignedAdapter())
    assert caught.value.kind == "kept-differs"


class _FreezesWhatItFinalizes(Exemplar):
    """Leaves the planned parameters frozen."""

    def finalize(self) -> nn.Module:
        names, model = self.plan.names, super().finalize()
        for name in names:
            model.get_parameter(name).requires_grad_(False)
        return model


class _FreezingAdapter(ExemplarAdapter):
    sparsified = _FreezesWhatItFinalizes


def test_a_final_model_that_cannot_be_trained_is_a_violation() -> None:
    layer = ProgramLayer(name="fc", kind="linear", inputs=4, outputs=3)
    planned = (Removal(name="fc.weight", pattern="unstructured", level=0.5),)
    program = Program(layers=(layer,), plan=planned, steps=(Attach(), Update(), Finalize(train=1)))
    with pytest.raises(Violation, match="training the final model raises RuntimeError") as caught:
        walk(program, _FreezingAdapter())
    assert caught.value.kind == "crashed"


class _TakesFloatsAlone(Exemplar):
    """Fails on a level of another type, once it has made the mask of the first parameter."""

    def update(self, level: object = None) -> None:
        super().update(None if level is None else float(level))  # type: ignore[arg-type]
        if level is not None and type(level) is not float:
            self.model.get_buffer("fc.parametrizations.weight.0.mask").fill_(True)
            raise TypeError(f"no level: {level}")


class _TakesFloatsAloneAdapter(ExemplarAdapter):
    sparsified = _TakesFloatsAlone


@pytest.mark.parametrize("type", ["numpy", "tensor"])
def test_after_a_type_of_level_that_is_not_taken_the_update_is_done_with_a_float(type: LevelType) -> None:
    made = walk(replace(LIFE, steps=(Attach(), Update(level=0.7, type=type), Forward())), _TakesFloatsAloneAdapter())
    assert made.updates == 1
    assert len(made.skipped) == 1


def test_a_half_precision_model_is_ranked_as_a_whole_under_autocast() -> None:
    program = Program(
        layers=(ProgramLayer(name="fc", kind="linear", inputs=4, outputs=4),), dtype="float16", scope="all",
        plan=(Removal(name="fc.weight", pattern="unstructured", level=0.5),),
        steps=(Attach(), Update(under="autocast"), Forward()),
    )
    assert walk(program, ExemplarAdapter()).updates == 1


@pytest.mark.parametrize("what", ["backward", "train"])
def test_a_program_ends_where_the_dense_twin_cannot_go_on(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(self: Twin, *_: object) -> None:
        raise RuntimeError("not implemented for 'BFloat16'")

    monkeypatch.setattr(Twin, what, lacking)
    made = walk(replace(LIFE, steps=(Attach(), Update(), Backward(), Train(), Finalize())), ExemplarAdapter())
    assert len(made.skipped) == 1
    assert not made.finished
    assert made.cut.startswith(f"step {3 if what == 'backward' else 4}, {what}")


def test_what_is_frozen_stays_frozen_when_weights_are_assigned() -> None:
    steps = (Freeze(what="all"), Attach(), Update(), WriteWeights(how="assign"), Forward())
    assert walk(replace(LIFE, steps=steps), ExemplarAdapter()).updates == 1

"""The device axis: one module knows the accelerator, models stay on their device, and missing devices are reported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from torch import nn

from sparsecheck import Adapter, Context, Plan, Sparsified, Trial, Violation
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.catalogue import AREAS, CATALOGUE
from sparsecheck.catalogue.axes import LAYERS
from sparsecheck.oracle.ranking import Ranking, assert_same_mask
from sparsecheck.process import device
from sparsecheck.process.environment import here
from sparsecheck.report.ledger import enumerate_cells
from sparsecheck.trials import device_parity
from sparsecheck.trials.refusal import assert_unsupported_plan_refused, words_for
from sparsecheck.trials.snapshot import model_tensors
from sparsecheck.values.cell import Cell
from sparsecheck.values.pattern import Channel, Given, Unstructured
from sparsecheck.values.record import Verdict
from sparsecheck.values.requirement import ACCELERATOR
from sparsecheck.values.selection import Selection
from tests.faulty import run
from tests.samples import contract, declaration, environment, requirement
from tests.stand_in import STAND_IN, standing_in

ROOT = Path(__file__).parent.parent
ONE_PLACE = ROOT / "harness" / "process" / "device.py"
SOURCES = [
    file for folder in ("harness", "cases") for file in sorted((ROOT / folder).rglob("*.py"))
    if "shipped" not in file.parts and file != ONE_PLACE
]
CPU = torch.device("cpu")


# ----------------------------------------------------------------- the only module that asks


def accelerators_named(source: str) -> Iterator[str]:
    """Yield each attribute or import by which code reaches an accelerator's part of torch."""
    names = {"accelerator", "cuda", "cudnn", "hpu", "mps", "mtia", "npu", "xpu"}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in names and _is_torchs(node.value):
            yield ast.unparse(node)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch"):
            parts = {*(node.module or "").split("."), *(one.name for one in node.names)}
            yield from (ast.unparse(node) for _ in parts & names)
        if isinstance(node, ast.Import):
            imported = [{*one.name.split(".")} for one in node.names]
            yield from (ast.unparse(node) for one in imported if "torch" in one and one & names)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr" and _is_torchs(node.args[0]):
            yield ast.unparse(node)


def _is_torchs(node: ast.expr) -> bool:
    return ast.unparse(node) in ("torch", "torch.backends")


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_only_one_module_asks_torch_for_an_accelerator(file: Path) -> None:
    named = list(accelerators_named(file.read_text("utf-8")))
    assert [one for one in named if not re.fullmatch(r"getattr\(torch, (\w+\.)*(default_)?dtype\)", one)] == []


@pytest.mark.parametrize(
    "source",
    ["torch.cuda.seed()", "x = torch.backends.cudnn", "import torch.mps", "from torch import xpu",
     "from torch.cuda import seed", "getattr(torch, kind)", "torch.accelerator"],
)
def test_every_way_to_ask_torch_is_detected(source: str) -> None:
    assert list(accelerators_named(source))


def test_the_device_module_itself_is_detected() -> None:
    assert {"torch.cuda", "torch.accelerator"} <= set(accelerators_named(ONE_PLACE.read_text("utf-8")))


# ----------------------------------------------------------------- any accelerator


class Acme:
    """A module of torch, or of an extension, for one accelerator: complete, or with the least that is required."""

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.state = torch.tensor([1, 2], dtype=torch.uint8)
        self.waited = 0

    def is_available(self) -> bool:
        return True

    def manual_seed(self, number: int) -> None:
        self.seeds.append(number)

    def get_rng_state(self) -> torch.Tensor:
        return self.state

    def synchronize(self) -> None:
        self.waited += 1


class WholeAcme(Acme):
    def get_device_name(self) -> str:
        return "Acme 9"

    def get_device_capability(self) -> tuple[int, int]:
        return 9, 1

    def get_device_properties(self) -> object:
        return SimpleNamespace(driver_version="5.6")

    def reset_peak_memory_stats(self) -> None:
        pass

    def memory_allocated(self) -> int:
        return 100

    def max_memory_allocated(self) -> int:
        return 170

    def max_memory_reserved(self, device: torch.device) -> int:
        return 512


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Clear the cached answer to which accelerator is present."""
    device.accelerator.cache_clear()
    yield
    device.accelerator.cache_clear()


def known(monkeypatch: pytest.MonkeyPatch, acme: Acme, kind: str, is_old: bool) -> None:
    """Make `acme` known to torch as `kind`; an old torch has no torch.accelerator."""
    monkeypatch.setattr(torch, kind, acme, raising=False)
    if is_old:
        monkeypatch.delattr(torch, "accelerator", raising=False)
    else:
        asked = SimpleNamespace(is_available=lambda: True, current_accelerator=lambda: SimpleNamespace(type=kind))
        monkeypatch.setattr(torch, "accelerator", asked, raising=False)


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize(("kind", "is_old"), [("acme", False), ("hpu", True), ("npu", True), ("xpu", True)])
def test_any_kind_of_accelerator_is_found(
    monkeypatch: pytest.MonkeyPatch, kind: str, is_old: bool
) -> None:
    known(monkeypatch, WholeAcme(), kind, is_old)
    seen = here()
    assert seen.devices == ("cpu", kind)
    assert (seen.accelerator, seen.driver, seen.capability) == ("Acme 9", "5.6", "9.1")
    assert seen.offers == ("peak memory",)


@pytest.mark.usefixtures("forgotten")
def test_accelerator_without_optional_functions_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, Acme(), "acme", is_old=False)
    seen = here()
    assert (seen.accelerator, seen.driver, seen.capability, seen.offers) == ("acme", "", "", ())
    assert device.peak_reserved(SimpleNamespace(type="acme")) == 0  # type: ignore[arg-type]


@pytest.mark.usefixtures("forgotten")
def test_old_torch_without_an_accelerator_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch, "accelerator", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert here().devices == ("cpu",)
    assert device.random_states() == []


@pytest.mark.usefixtures("forgotten")
def test_random_states_of_an_accelerator_are_seeded_and_read(monkeypatch: pytest.MonkeyPatch) -> None:
    acme = Acme()
    known(monkeypatch, acme, "acme", is_old=False)
    device.seed(7)
    [state] = device.random_states()
    assert acme.seeds == [7]
    assert state.tolist() == [1, 2]


@pytest.mark.usefixtures("forgotten")
def test_accelerator_clock_waits_and_its_peak_comes_from_the_allocator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    acme, calls = WholeAcme(), list[int]()
    known(monkeypatch, acme, "acme", is_old=False)
    there: torch.device = SimpleNamespace(type="acme")  # type: ignore[assignment]
    clock = device.clock_of(SimpleNamespace(type="acme"))  # type: ignore[arg-type]
    assert clock() <= clock()
    assert acme.waited == 2
    assert device.peak_bytes(lambda: calls.append(1), there) == 70
    assert calls == [1, 1]
    assert device.peak_reserved(there) == 512


def test_cpu_peak_counts_bytes_alive_at_once() -> None:
    kept: list[torch.Tensor] = []

    def act() -> None:
        kept[:] = [torch.zeros(1000)]  # what stands from the last call goes once there is another
        torch.zeros(500)

    assert device.peak_bytes(act, CPU) == 4 * 1000
    assert device.peak_bytes(lambda: torch.zeros(250) + torch.ones(250), CPU) == 4 * 750
    assert device.peak_bytes(lambda: kept[0].view(10, 100).add_(1), CPU) == 0


def test_device_without_graphs_is_an_error() -> None:
    with pytest.raises(device.NoGraphs, match="graphs cannot be captured on cpu; use cuda"):
        device.capture(nn.Linear(2, 2), torch.ones(1, 2))


def test_stand_in_replays_the_captured_memory() -> None:
    layer, inputs = nn.Linear(2, 2), torch.ones(1, 2)
    nn.init.ones_(layer.weight)
    nn.init.ones_(layer.bias)
    with standing_in():
        graph = device.capture(layer, inputs)
    with torch.no_grad():
        layer.bias.add_(1)
        assert torch.equal(graph(inputs), layer(inputs))
        assert torch.equal(graph(2 * inputs), layer(2 * inputs))
        layer.bias = nn.Parameter(layer.bias + 1)
        assert torch.equal(graph(inputs) + 1, layer(inputs))


# ----------------------------------------------------------------- models stay on their device


def trial(axes: str, adapter: Adapter | None = None) -> Trial:
    return Trial(Cell.parse(f"it:{axes}"), adapter or ExemplarAdapter())


@pytest.mark.parametrize("layer", LAYERS)
def test_everything_a_trial_makes_is_on_its_device(layer: str) -> None:
    made = trial(f"MASK-01/{layer}/unstructured-0.5/float32/meta")
    context = made.context
    tensors = [*model_tensors(made.dense_model()).values(), made.inputs(), context.example_input]
    tensors += [tensor for batch in (*context.batches, *made.batches(2)) for tensor in batch]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert context.device.type == "meta"


@pytest.mark.parametrize("pattern", ["given", "unstructured-0.5", "block1x4-0.5", "2of4", "channel0-0.5", "band-3"])
def test_sparsified_model_stays_on_its_device(pattern: str) -> None:
    made = trial(f"MASK-01/linear/{pattern}/float32/meta")
    sparsified = made.attach()
    sparsified.update()
    tensors = {**model_tensors(sparsified.model), **sparsified.masks(), "output": sparsified.model(made.inputs())}
    assert {tensor.device.type for tensor in tensors.values()} == {"meta"}


def test_cell_on_both_devices_differs_in_the_device_alone() -> None:
    one, other = device_parity.on_both_devices(trial("DEVICE-01/linear/given/float32/meta"))
    assert (one.device.type, other.device.type) == ("cpu", "meta")
    assert one.network == other.network
    assert all((one.plan.patterns[name].mask == other.plan.patterns[name].mask).all()  # type: ignore[union-attr]
               for name in one.plan.names)
    assert [(here.device.type, there.device.type) for here, there in device_parity.both_directions(other)] == [
        ("cpu", "meta"), ("meta", "cpu"),
    ]


# ----------------------------------------------------------------- missing devices and features


def test_accelerator_cells_are_unavailable_without_an_accelerator() -> None:
    ledger = enumerate_cells(CATALOGUE, declaration(), Selection(), environment())
    there = [one for one in ledger if one.cell.device != "cpu"]
    assert {one.cell.requirement for one in there} == {
        one.id for one in CATALOGUE
        if ACCELERATOR in one.devices and "mask" in one.profiles and not one.refuses
    }
    assert {(one.disposition, one.why) for one in there} == {("unavailable", "no cuda device here")}
    assert not [one for one in ledger if one.cell.device == "cpu" and one.disposition == "unavailable"]


@pytest.mark.parametrize(("offers", "why"), [((), "cuda has no graphs here"), (("graphs",), "")])
def test_cells_that_need_a_missing_feature_are_unavailable(offers: tuple[str, ...], why: str) -> None:
    place = replace(environment(devices=("cpu", "cuda")), offers=offers)
    asked = requirement(devices=("cpu", ACCELERATOR), offers=("graphs",))
    ledger = enumerate_cells([asked], declaration(), Selection(), place)
    assert [(one.cell.device, one.why) for one in ledger] == [("cpu", ""), ("cuda", why)]


@pytest.mark.skipif(bool(device.accelerator()), reason="there is an accelerator")
def test_run_with_unavailable_cells_is_not_a_success(tmp_path: Path) -> None:
    beside = run(tmp_path, "exemplar", "--requirement", "DEVICE-01", "--requirement", "MASK-03")
    assert beside.code == 0, beside.output
    assert beside.report is not None
    by_device: dict[str, set[Verdict]] = {}
    for record in beside.report.records:
        by_device.setdefault(Cell.parse(record.cell).device, set()).add(record.verdict)
    assert by_device == {"cpu": {Verdict.PASSED}, "cuda": {Verdict.UNAVAILABLE}}
    [outcome] = beside.report.outcomes()
    assert outcome.counts == {"passed": 4, "unavailable": 6}
    assert "no cuda device here" in beside.output
    alone = run(tmp_path, "exemplar", "--requirement", "DEVICE-01")
    assert alone.code == 1, alone.output
    assert "exemplar: UNAVAILABLE" in alone.output
    required = run(tmp_path, "exemplar", "--requirement", "DEVICE-01", "--require", "exemplar")
    assert required.code == 2, required.output


# ----------------------------------------------------------------- two masks for one weight


WEIGHT = np.array([[3.0, 2.0, 2.0, 1.0]])


def ranking(mask: list[int], pattern: object = Unstructured(0.5), weight: np.ndarray = WEIGHT) -> Ranking:
    return Ranking(("a.weight",), pattern, np.array([mask], dtype=bool), weight)  # type: ignore[arg-type]


@pytest.mark.parametrize(("mask", "ties", "is_alike"), [
    ([1, 1, 0, 0], "lowest index", True), ([1, 0, 1, 0], "any", True), ([1, 0, 1, 0], "lowest index", False),
    ([0, 1, 1, 0], "any", False), ([1, 0, 0, 1], "any", False), ([1, 0, 0, 0], "any", False),
])
def test_masks_are_equal_up_to_open_ties(
    mask: list[int], ties: str, is_alike: bool
) -> None:
    first, second = ranking([1, 1, 0, 0]), ranking(mask)
    if is_alike:
        assert_same_mask(first, second, contract(ties=ties), "float32", "there")
    else:
        with pytest.raises(Violation, match=r"mask-differs: mask of a.weight is not the same there: \d of 4 entries"):
            assert_same_mask(first, second, contract(ties=ties), "float32", "there")


def test_summed_scores_within_rounding_count_as_tied() -> None:
    weight = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-7], [3.0, 3.0]])
    masks = [np.array([[1, 1], [0, 0], [1, 1]], bool), np.array([[0, 0], [1, 1], [1, 1]], bool)]
    one, other = (Ranking(("a",), Channel(1 / 3), mask, weight) for mask in masks)
    assert_same_mask(one, other, contract(), "float32", "there")
    with pytest.raises(Violation, match="mask-differs"):
        assert_same_mask(one, other, contract(), "float64", "there")


@pytest.mark.parametrize(("pattern", "score"), [(Given(np.ones((1, 4), bool)), "magnitude-l1"),
                                                (Unstructured(0.5), "position")])
def test_patterns_without_ranking_have_no_ties(pattern: object, score: str) -> None:
    with pytest.raises(Violation, match="mask-differs"):
        assert_same_mask(
            ranking([1, 1, 0, 0], pattern), ranking([1, 0, 1, 0], pattern), contract(score=score, ties="any"),
            "float32", "there",
        )


# ----------------------------------------------------------------- sparsifiers for one of the two devices


class NeedsAnAccelerator(ExemplarAdapter):
    """Refuses the CPU by name."""

    supported = ExemplarAdapter.supported.replace(" cpu ", " ")
    unsupported = "cpu"

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        if str(context.device) == "cpu":
            raise ValueError(f"{next(iter(plan.names))}: there is no kernel for the cpu")
        return super().attach(model, plan, context)


def test_an_unsupported_cpu_is_refused() -> None:
    adapter = NeedsAnAccelerator()
    place = replace(environment(), devices=("cpu", STAND_IN), offers=("graphs", "peak memory"))
    [one] = enumerate_cells(AREAS["REFUSE"], adapter.declare("it"), Selection(), place)
    assert (one.cell.requirement, one.cell.device) == ("REFUSE-07", "cpu")
    assert assert_unsupported_plan_refused(Trial(one.cell, adapter)) == "adapter"


def test_accelerator_can_be_refused_by_its_name() -> None:
    words = words_for(trial("MASK-01/linear/given/float32/xpu"), ["accelerator"])
    assert {"accelerator", "device", "xpu"} <= set(words)
    assert "cuda" not in words

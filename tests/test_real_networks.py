"""Real networks: their data, the weights that they use, what is planned, and how their accuracy is shown."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Trial
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.catalogue import AREAS
from sparsecheck.catalogue.axes import MODELS
from sparsecheck.programs.planning import planned_parameters
from sparsecheck.report.ledger import Planned, enumerate_cells, not_offered
from sparsecheck.show.accuracy import accuracy_lines
from sparsecheck.trials import real_runs, real_training
from sparsecheck.trials.digits import digits
from sparsecheck.trials.real_networks import FAMILIES
from sparsecheck.trials.real_runs import RealRun, course_of
from sparsecheck.trials.weights_in_use import WeightsInUse
from sparsecheck.values.cell import Cell
from sparsecheck.values.contract import Contract
from sparsecheck.values.declaration import Declaration
from sparsecheck.values.record import Accuracy, Record, Verdict
from sparsecheck.values.selection import Selection
from sparsecheck.values.violation import CannotJudge, Violation
from tests.samples import declaration, environment


def trial(family: str, clauses: dict[str, str] | None = None) -> Trial:
    adapter = ExemplarAdapter()
    fields = {name: getattr(adapter.contract, name) for name in adapter.contract.__struct_fields__}
    adapter.contract = Contract(**{**fields, **(clauses or {})})
    return Trial(Cell("exemplar", "MODEL-01", family, "unstructured-0.5", "float32", "cpu"), adapter)


def planned(it: Declaration, digits: str = "1.5") -> tuple[Planned, ...]:
    here = replace(environment(), digits=digits)
    return enumerate_cells(AREAS["MODEL"], it, Selection(), here)


def test_the_digits_are_those_that_scikit_learn_documents() -> None:
    images, labels = digits()
    assert images.shape == (1797, 8, 8)
    assert images.min() == 0
    assert images.max() == 1
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_without_scikit_learn_the_digits_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparsecheck.trials.digits.find_spec", lambda name: None)
    with pytest.raises(CannotJudge, match="scikit-learn, which ships the digits, is not installed"):
        digits.__wrapped__()


def test_without_scikit_learn_every_cell_is_unavailable_and_says_what_to_install() -> None:
    cells = planned(declaration(), digits="")
    assert len(cells) == 16
    assert {one.disposition for one in cells} == {"unavailable"}
    assert {one.why for one in cells} == {
        "needs the images of digits of scikit-learn; pip install 'sparsecheck[models]'"
    }
    assert {one.disposition for one in planned(declaration())} == {"judge"}


@pytest.mark.parametrize(("without", "layers"), [
    ("linear", ["resnet"]), ("conv2d", ["encoder", "decoder", "tagger"]), ("float32", []), ("linear conv2d", []),
])
def test_a_network_without_an_offered_layer_is_not_offered(without: str, layers: list[str]) -> None:
    cells = planned(declaration(without))
    assert list(dict.fromkeys(one.cell.layer for one in cells)) == layers
    if not layers:
        assert not_offered(AREAS["MODEL"], declaration(without), environment()) == AREAS["MODEL"]


@pytest.mark.parametrize("family", MODELS)
def test_forward_uses_what_a_plan_leaves_of_every_parameter(family: str) -> None:
    with real_training.reproducible(trial(family)):
        run = RealRun(trial(family), FAMILIES[family].planned)
        dense = {name: one.clone() for name, one in real_training.dense_model(run.trial).named_parameters()}
        run.sparsified.update()
        used = run.used()
        for name, mask in run.masks().items():
            assert not mask.all()
            assert torch.equal(used[name], torch.where(torch.from_numpy(mask), dense[name], 0))


def test_a_network_that_skips_a_layer_is_no_sparse_one() -> None:
    dense = real_training.untrained("decoder")
    reader = WeightsInUse(dense, real_training.tested("decoder")[0][:2])
    shorter = nn.Sequential(dense.get_submodule("embed"), dense.get_submodule("head"))
    with pytest.raises(Violation, match="forward-differs: the model runs embedding, linear; the dense model runs"):
        reader.read(shorter)


@pytest.mark.parametrize("family", MODELS)
def test_everything_that_learns_weights_is_planned_for_a_sparsifier_that_takes_all(family: str) -> None:
    with real_training.reproducible(trial(family)):
        assert planned_parameters(trial(family)) == tuple(FAMILIES[family].planned)


def test_weights_of_an_excluded_size_are_not_planned() -> None:
    with real_training.reproducible(trial("encoder")):
        planned = planned_parameters(trial("encoder", {"sizes": "multiples of 16"}))
    assert planned == tuple(name for name in FAMILIES["encoder"].planned if name != "embed.weight")


def test_dense_networks_learn_and_are_the_same_whatever_the_random_state() -> None:
    def outputs() -> Tensor:
        with real_training.reproducible(trial("tagger")):
            real_training._trained.cache_clear()
            model = real_training.dense_model(trial("tagger"))
            assert real_training.accuracy(real_training.output(model, "tagger"), "tagger") > 0.3
            return real_training.output(model, "tagger")

    first = outputs()
    torch.rand(3)
    assert torch.equal(first, outputs())


@pytest.mark.parametrize(("clauses", "first", "last"), [
    ({}, 0.3, 0.9),
    ({"schedules": "none"}, 0.3, 0.9),
    ({"schedules": "lambda"}, 0.3, 0.9),
    ({"level_basis": "remaining", "schedules": "none"}, 1 - 0.1 ** 0.25, 1 - 0.1 ** 0.25),
])
def test_ninety_percent_are_removed_in_the_end(clauses: dict[str, str], first: float, last: float) -> None:
    course = course_of(trial("resnet", clauses))
    assert len(course.levels) == real_runs.UPDATES
    assert course.levels[0] == pytest.approx(first)
    assert course.levels[-1] == pytest.approx(last)


def shown(*accuracies: tuple[str, Accuracy | None]) -> Iterable[str]:
    return list(accuracy_lines(
        Record(f"it:MODEL-02/{layer}/given/float32/cpu", Verdict.PASSED, accuracy=one) for layer, one in accuracies
    ))


def test_the_accuracy_is_shown_once_per_network() -> None:
    once, twice = ("resnet", Accuracy(0.884, 0.625)), ("resnet", Accuracy(0.884, 0.625, 0.625))
    assert shown(once, twice, ("tagger", Accuracy(0.7, 0.3)), ("encoder", None)) == [
        "  accuracy: resnet 88% dense, 62% sparse, 62% resumed; tagger 70% dense, 30% sparse"
    ]
    assert shown(("encoder", None)) == []

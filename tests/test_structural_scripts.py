"""`sparsecheck repro` for the structural profile: scripts fail as their programs do, and pass on a correct one."""

from __future__ import annotations

import pytest

from sparsecheck import Adapter
from sparsecheck.adapter.declaring import read_declaration
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover, StructuralExemplarAdapter
from sparsecheck.features.repro.verify import is_symptom, run_script
from sparsecheck.programs.lives import NoProgram, life_of
from sparsecheck.programs.script import compose
from sparsecheck.programs.structural.script import walk_script
from sparsecheck.trials.trial import Trial
from sparsecheck.values.plan import Plan
from sparsecheck.values.record import Record, Verdict
from tests.bench_of_one import judge
from tests.miniatures.all import MINIATURES
from tests.test_repro import cells, run
from tests.test_structural_layers import BROKEN as LAYERS_BROKEN
from tests.test_structural_programs import TiesUp, altered

BROKEN = {
    "STRUCT-01-RoundsDown": "count-differs",
    "STRUCT-02-ForgetsTheSkip": "channels-differ",
    "STRUCT-02-TakesFlatFeaturesInTurn": "entry-differs",
    "STRUCT-03-KeepsTheFirstBiases": "entry-differs",
    "STRUCT-03-KeepsTheFirstStatistics": "buffer-differs",
    "STRUCT-04-ScalesItsOutput": "output-differs",
    "STRUCT-05-RanksBySum": "kept-differs",
    "STRUCT-06-KeepsTheDenseWeights": "cost-differs",
    "STRUCT-12-Unfreezes": "flag-changed",
    "STRUCT-13-TrainsEveryOtherBatch": "parameter-differs",
    "STRUCT-14-LeavesAHook": "not-plain",
    "STRUCT-16-SavesTheLastUpdate": "parameter-differs",
    "STRUCT-18-SavesWhatItRemovedItself": "crashed",
    "STRUCT-19-TakesTheSavedTensors": "aliased",
    "WALK-04-ClearsHooks": "hook-lost",
}
"""By miniature, a kind of violation in one of its cells of WALK."""


def failing(adapter: Adapter, kind: str) -> tuple[Trial, Record]:
    """Return the first cell that fails in a way, with its record."""
    for id in ("WALK-05", "WALK-04"):
        for one in cells(adapter, id):
            record = judge(adapter, one)
            if record.verdict is Verdict.FAILED and record.signature.startswith(f"{kind}:"):
                return Trial(one.cell, adapter, read_declaration(adapter, one.cell.sparsifier)), record
    raise AssertionError(f"no cell fails by {kind}")


def text_of(adapter: Adapter, kind: str, with_adapter: bool = False) -> tuple[str, Record]:
    trial, record = failing(adapter, kind)
    lines, ending = walk_script(trial, kind, record.message)
    return compose(lines, adapter if with_adapter else None, ending), record


@pytest.mark.parametrize("name", [*BROKEN, "TiesUp"])
def test_the_script_of_a_program_fails_as_it_does(name: str) -> None:
    adapter = next((one.adapter() for one in MINIATURES if one.name == name), None) or altered(TiesUp)
    text, record = text_of(adapter, BROKEN.get(name, "ties-differ"))
    error = run(text, adapter)
    assert error is not None
    assert is_symptom(type(error).__name__, record), error
    assert run(text, StructuralExemplarAdapter()) is None


@pytest.mark.parametrize("form", ["view", "unshuffle", "heads", "lstm", "units"])
def test_scripts_have_layers_of_every_kind(form: str) -> None:
    body, [kind] = LAYERS_BROKEN[form]
    text, record = text_of(altered(body), kind)
    error = run(text, altered(body))
    assert error is not None
    assert is_symptom(type(error).__name__, record), error
    assert run(text, StructuralExemplarAdapter()) is None


class RemovesOneMore(ChannelRemover):
    """Removes one more channel than the level demands."""

    def chosen(self, plan: Plan, names: tuple[str, ...]) -> list[int]:
        chosen = super().chosen(plan, names)
        alive = [one for name in names for one in self.labels.gives[name.rpartition(".")[0]] if one not in self.gone]
        return [*chosen, *[one for one in alive if one not in chosen][:1]]


class OneMoreAdapter(StructuralExemplarAdapter):
    """The adapter of a sparsifier that removes one channel too many."""

    sparsified = RemovesOneMore


def test_a_script_needs_torch_alone() -> None:
    text, record = text_of(OneMoreAdapter(), "count-differs", with_adapter=True)
    result = run_script(text)
    assert (result.code, result.error) == (1, "AssertionError")
    assert is_symptom(result.error, record)
    assert run_script(text.replace("sparsified = RemovesOneMore", "pass")).code == 0


def test_other_cells_of_the_profile_have_no_script() -> None:
    adapter = StructuralExemplarAdapter()
    one = next(cells(adapter, "STRUCT-01"))
    with pytest.raises(NoProgram, match="of the structural profile, only programs have scripts"):
        life_of(Trial(one.cell, adapter, read_declaration(adapter, "it")))

"""Restore in a fresh process as a step of programs: one interpreter for all, and what it alone finds."""

import subprocess
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from sparsecheck import Adapter
from sparsecheck.adapter.declaring import read_declaration
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.adapter.shipped.structural_exemplar import StructuralExemplarAdapter
from sparsecheck.process.guard import Guard
from sparsecheck.programs import fresh
from sparsecheck.programs.corpus import structural_corpus
from sparsecheck.programs.structural.fill import fill
from sparsecheck.programs.structural.skeleton import Block, StructuralSkeleton
from sparsecheck.programs.walk import Walk
from sparsecheck.values.program import Program, ProgramLayer, Removal
from sparsecheck.values.steps import Attach, Cast, SaveAndRestore, SetMode, Train, Update
from sparsecheck.values.violation import Violation
from tests.miniatures.all import MINIATURES
from tests.miniatures.state import RestoresAtHomeAlone, SavesAReference
from tests.test_structural_programs import OFFER
from tests.test_structural_programs import walk as structural_walk
from tests.variants.all import VARIANTS

FRESH = SaveAndRestore(through="fresh process")
PROGRAM = Program(
    layers=(ProgramLayer(name="layer1", kind="linear", inputs=8, outputs=4),
            ProgramLayer(name="norm", kind="batchnorm", inputs=4)),
    plan=(Removal(name="layer1.weight", pattern="unstructured"),),
    steps=(Attach(), Update(), Train(), FRESH, SetMode(), Train(), Cast(dtype="float64"), Update(level=0.29), FRESH),
)


def walk(adapter: Adapter, program: Program = PROGRAM) -> Walk:
    guard = Guard()
    made = Walk(program, adapter, read_declaration(adapter, "it"), guard)
    with guard.watch():
        made.run()
    return made


def through(how: str) -> Program:
    steps = (Attach(), Update(), SaveAndRestore(through=how))  # type: ignore[arg-type]
    return Program(layers=PROGRAM.layers[:1], plan=PROGRAM.plan, steps=steps)


def test_one_interpreter_restores_all_that_an_adapter_saves() -> None:
    adapter, start = ExemplarAdapter(), subprocess.Popen
    with patch.object(subprocess, "Popen", side_effect=start) as popen:
        assert not walk(adapter).skipped
        assert not walk(adapter).skipped
    assert popen.call_count == 1


@pytest.mark.parametrize(("adapter", "kind"), [
    (SavesAReference, "mask-differs"), (RestoresAtHomeAlone, "fresh-interpreter-failed"),
])
def test_a_state_that_only_its_own_process_can_restore_is_found(adapter: type[Adapter], kind: str) -> None:
    walk(adapter(), through("memory"))
    walk(adapter(), through("bytes"))
    with pytest.raises(Violation, match="step 3, restore through=fresh process: ") as caught:
        walk(adapter(), through("fresh process"))
    assert caught.value.kind == kind


def test_channels_are_restored_elsewhere_by_the_same_interpreter() -> None:
    adapter, programs = StructuralExemplarAdapter(), [*structural_corpus().values()][-2:]
    with patch.object(subprocess, "Popen", side_effect=subprocess.Popen) as popen:
        for one in programs:
            program = fill(one, OFFER)
            assert FRESH in program.steps
            assert not structural_walk(program, adapter).skipped
    assert popen.call_count == 1


def test_removed_channels_that_only_its_own_process_knows_are_found() -> None:
    program = fill(StructuralSkeleton(blocks=(Block(),), steps=(Attach(), Update(), FRESH)), OFFER)
    adapter = next(one.adapter for one in MINIATURES if one.name == "STRUCT-17-RemembersInItsClass")()
    structural_walk(replace(program, steps=(Attach(), Update(), SaveAndRestore())), adapter)
    with pytest.raises(Violation, match="step 3, restore through=fresh process: ") as caught:
        structural_walk(program, adapter)
    assert caught.value.kind == "fresh-interpreter-failed"


@pytest.mark.parametrize("name", ["holds=buffer", "holds=in place", "mask_storage=sidecar", "mask_storage=nowhere"])
def test_correct_states_are_restored_elsewhere(name: str) -> None:
    walk(VARIANTS[name](), through("fresh process"))


def test_where_no_interpreter_starts_the_state_is_restored_here_alone() -> None:
    with patch.object(subprocess, "Popen", side_effect=OSError("no more processes")):
        [reason] = walk(ExemplarAdapter(), through("fresh process")).skipped
    assert reason == "restore in a fresh process: no interpreter can be started here: no more processes"


def test_an_interpreter_that_has_ended_is_replaced() -> None:
    adapter = ExemplarAdapter()
    fresh.restorer_of(adapter, "it").close()
    walk(adapter, through("fresh process"))

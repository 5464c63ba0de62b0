"""PROCESS: what the process is like after a package was imported and called."""

from sparsecheck import Trial, case, require
from sparsecheck.process.imports import changes_on_import
from sparsecheck.trials.growth import assert_nothing_grows


@case("PROCESS-01", compares="the process")
def test_import_leaves_the_process_as_it_was(trial: Trial) -> None:
    changes = changes_on_import(type(trial.adapter).__module__)
    require(not changes, "changed-on-import", f"importing the adapter changed {'; and '.join(changes)}")


@case("PROCESS-02", compares="the process")
def test_repeating_a_life_leaves_nothing_behind(trial: Trial) -> None:
    assert_nothing_grows(trial)

"""MODEL: small real networks, trained on real data, pruned, fine-tuned, resumed and deployed."""

from collections.abc import Iterator
from contextlib import contextmanager

from sparsecheck import Trial, case
from sparsecheck.programs.fresh import restorer_of
from sparsecheck.programs.planning import planned_parameters
from sparsecheck.programs.taking import Skipped
from sparsecheck.trials import real_training
from sparsecheck.trials.real_runs import ACCURACY, PRUNED, SAVED, RealRun, assert_final
from sparsecheck.trials.resuming import assert_same
from sparsecheck.values.record import Accuracy
from sparsecheck.values.violation import CannotJudge


@contextmanager
def _started(trial: Trial) -> Iterator[RealRun]:
    """Attach to the trained network of the cell; inside, random numbers are those of every other run."""
    with real_training.reproducible(trial):
        yield RealRun(trial, planned_parameters(trial))


@case("MODEL-01", compares="the masks of the network")
def test_every_update_removes_what_its_level_says(trial: Trial) -> None:
    with _started(trial) as run:
        for moment in run.moments(PRUNED):
            if moment.level is not None:
                run.assert_count(moment)


@case("MODEL-02", compares="the weights of the network")
def test_what_is_removed_stays_zero_while_the_network_learns(trial: Trial) -> None:
    with _started(trial) as run:
        for moment in run.moments():
            run.assert_removed_are_zero(moment.what)
        run.assert_losses_finite()
        trial.accuracy = Accuracy(run.dense_accuracy, run.accuracy())


@case("MODEL-03", compares="the network at its end")
def test_network_resumed_in_a_fresh_interpreter_ends_as_the_uninterrupted_one(trial: Trial) -> None:
    with _started(trial) as run:
        run.go_on(SAVED)
        try:
            seen = restorer_of(trial.adapter, trial.cell.sparsifier).resume(trial.cell.id, run.save())
        except Skipped as reason:
            raise CannotJudge(str(reason)) from None
        run.go_on()
        resumed = float(seen.pop(ACCURACY))
        what = f"{run.family}, saved after step {SAVED}, resumed in a fresh interpreter"
        assert_same(trial, seen, run.outcome(), what, run.plan.names)
        trial.accuracy = Accuracy(run.dense_accuracy, run.accuracy(), resumed)


@case("MODEL-04", compares="the final network")
def test_deployed_network_gives_the_output_of_the_sparse_one(trial: Trial) -> None:
    with _started(trial) as run:
        run.go_on()
        assert_final(run)

"""DEVICE: the same on an accelerator as on the CPU, and from one to the other."""

from sparsecheck import Trial, case
from sparsecheck.process import device
from sparsecheck.trials import device_moves, device_parity, tracing
from sparsecheck.trials.baseline import Baseline


@case("DEVICE-01")
def test_masks_are_the_cpus(trial: Trial) -> None:
    here, there = device_parity.on_both_devices(trial)
    device_parity.assert_same_masks(trial, here.masks(here.sparsified()), there.masks(there.sparsified()))


@case("DEVICE-02")
def test_output_is_within_bounds_on_both(trial: Trial) -> None:
    for side in device_parity.on_both_devices(trial):
        device_parity.assert_native_output(side, side.sparsified())


@case("DEVICE-03")
def test_saved_on_one_is_restored_on_the_other(trial: Trial) -> None:
    for writer, reader in device_parity.both_directions(trial):
        donor = writer.sparsified()
        baseline = Baseline.of(writer, donor)
        restored = reader.restore(device_parity.load_on(reader.device, donor.save()))
        done = f"saved on {writer.device}, restored on {reader.device}"
        device_moves.assert_on_device(reader, restored, baseline, done)


@case("DEVICE-04")
def test_traced_on_one_runs_on_the_other(trial: Trial) -> None:
    for maker, user in device_parity.both_directions(trial):
        sparsified = maker.sparsified()
        baseline = Baseline.of(maker, sparsified)
        traced = tracing.trace(sparsified.model, maker.inputs("traced"))
        device_parity.assert_trace_output(user, traced, baseline)


@case("DEVICE-05")
def test_graph_replays_the_masks_of_the_next_update(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    graph = device.capture(sparsified.model, trial.inputs("captured"))
    baseline.assert_output(graph, "captured", device_parity.CAPTURED_BATCHES)
    sparsified.update(0.75)
    later = Baseline.of(trial, sparsified)
    later.require_new_masks(baseline, "the update to level 0.75")
    later.assert_output(graph, "captured before the update, replayed after it", device_parity.CAPTURED_BATCHES)


@case("DEVICE-06")
def test_forward_takes_no_more_memory_than_it_has_to(trial: Trial) -> None:
    device_parity.assert_peak_memory(trial, trial.sparsified())

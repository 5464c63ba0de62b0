"""DEVICE: an accelerator gives the same results as the CPU, and state moves between them."""

from sparsecheck import Trial, case
from sparsecheck.process import device
from sparsecheck.trials import device_moves, device_parity, tracing
from sparsecheck.trials.baseline import Baseline


@case("DEVICE-01")
def test_masks_equal_those_of_the_cpu(trial: Trial) -> None:
    here, there = device_parity.on_both_devices(trial)
    device_parity.assert_same_masks(trial, here.masks(here.sparsified()), there.masks(there.sparsified()))


@case("DEVICE-02", compares="the output")
def test_output_is_within_tolerance_on_both_devices(trial: Trial) -> None:
    for side in device_parity.on_both_devices(trial):
        device_parity.assert_native_output(side, side.sparsified())


@case("DEVICE-03")
def test_state_saved_on_one_device_is_restored_on_the_other(trial: Trial) -> None:
    for writer, reader in device_parity.both_directions(trial):
        original = writer.sparsified()
        baseline = Baseline.of(writer, original)
        restored = reader.restore(device_parity.load_on(reader.device, original.save()))
        done = f"saved on {writer.device}, restored on {reader.device}"
        device_moves.assert_on_device(reader, restored, baseline, done)


@case("DEVICE-04", compares="the output")
def test_trace_made_on_one_device_runs_on_the_other(trial: Trial) -> None:
    for maker, user in device_parity.both_directions(trial):
        sparsified = maker.sparsified()
        baseline = Baseline.of(maker, sparsified)
        traced = tracing.trace(sparsified.model, maker.inputs("traced"))
        device_parity.assert_trace_output(user, traced, baseline)


@case("DEVICE-05", compares="the output")
def test_captured_graph_uses_the_masks_of_a_later_update(trial: Trial) -> None:
    sparsified = trial.sparsified()
    baseline = Baseline.of(trial, sparsified)
    graph = device.capture(sparsified.model, trial.inputs("captured"))
    baseline.assert_output(graph, "captured graph", device_parity.CAPTURED_BATCHES)
    sparsified.update(0.75)
    later = Baseline.of(trial, sparsified)
    later.require_new_masks(baseline, "the update to level 0.75")
    what = "graph captured before the update, replayed after it"
    later.assert_output(graph, what, device_parity.CAPTURED_BATCHES)


@case("DEVICE-06", compares="the memory of a forward")
def test_forward_allocates_little_more_than_the_dense_model(trial: Trial) -> None:
    device_parity.assert_peak_memory(trial, trial.sparsified())

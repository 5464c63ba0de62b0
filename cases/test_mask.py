"""MASK: what is removed, and what forward and backward make of it."""

import torch

from sparsecheck import Trial, case
from sparsecheck.judging.compare import close


@case("MASK-01")
def test_forward_uses_the_masked_weight(trial: Trial) -> None:
    dense = trial.parameters(trial.dense_model())
    sparsified = trial.sparsified()
    expected = trial.masked(dense, trial.expected_masks(sparsified))
    trial.judge_used(sparsified.model, expected, "after update")


@case("MASK-02")
def test_output_is_that_of_the_masked_dense_model(trial: Trial) -> None:
    dense = trial.parameters(trial.dense_model())
    sparsified = trial.sparsified()
    expected = trial.masked(dense, trial.expected_masks(sparsified))
    trial.judge_output(sparsified.model, expected, trial.inputs("fresh"), "output of the sparse model")


@case("MASK-28")
def test_saved_masks_and_outputs_are_met(trial: Trial) -> None:
    saved, pattern, score = trial.saved, trial.cell.pattern, trial.contract.score
    model = trial.dense_model()
    model.load_state_dict({name: torch.tensor(values) for name, values in saved.parameters.items()})
    sparsified = trial.sparsified(model)
    trial.judge_masks(sparsified, saved.masks(pattern, score), "from the saved weights")
    with torch.no_grad():
        seen = sparsified.model(torch.tensor(saved.inputs, device=trial.device))
    close(seen, saved.output(pattern, score), trial.tolerance, "output-differs", "output from saved weights and input")

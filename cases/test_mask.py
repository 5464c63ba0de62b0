"""MASK: what is removed, and what forward and backward make of it."""

from sparsecheck import Trial, case


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

"""The check of each requirement, for scripts that reproduce a failure."""

from __future__ import annotations

from . import mask_checks, model_checks

BY_REQUIREMENT = {
    "MASK-01": mask_checks.assert_forward_uses_masked,
    "MASK-02": mask_checks.assert_output_of_masked,
    "MASK-05": mask_checks.assert_counts,
    "MASK-06": mask_checks.assert_highest_kept,
    "MASK-08": mask_checks.assert_highest_kept,
    "MASK-12": mask_checks.assert_highest_kept,
    "MASK-14": mask_checks.assert_ranked_together,
    "MASK-21": mask_checks.assert_poisoned,
    "MASK-22": mask_checks.assert_counts_of_equals,
    "MASK-24": mask_checks.assert_raised_level,
    "MASK-25": mask_checks.assert_lowered_counts,
    "MASK-30": mask_checks.assert_forward_uses_masked,
    "MASK-35": mask_checks.assert_ranked_again,
    "PROCESS-01": mask_checks.assert_import,
    "REG-07": model_checks.assert_modes,
    "REG-08": model_checks.assert_attached_twice,
    "REG-09": model_checks.assert_wrong_plans,
    "REG-11": model_checks.assert_wrong_plans,
    "REG-13": model_checks.assert_finalized_build,
    "REG-16": model_checks.assert_finalized_flags,
    "REG-19": model_checks.assert_gradients_stay,
    "REG-22": model_checks.assert_other_sizes,
    "STATE-03": model_checks.assert_own_state_dict,
    "STATE-05": model_checks.assert_restored_twice,
    "STATE-06": model_checks.assert_saved_left_alone,
    "STATE-07": model_checks.assert_no_shared_storage,
    "STATE-08": model_checks.assert_resume_of_a_resume,
    "STATE-09": model_checks.assert_sidecar_is_a_snapshot,
    "STATE-10": model_checks.assert_other_shape_refused,
    "STATE-11": model_checks.assert_loads_safely,
    "STATE-14": model_checks.assert_deep_copy,
    "STATE-17": model_checks.assert_saved_after_a_cast,
    "STRUCT-11": model_checks.assert_train_flags,
    "STRUCT-12": model_checks.assert_frozen_stay_frozen,
    "TRACE-10": model_checks.assert_compiles_whole,
    "TRACE-11": model_checks.assert_compiles_whole,
}
"""The check of each requirement that has one, except for cells whose refusal is judged."""

from acme_pruning import MagnitudePruner

from sparsecheck import Adapter, Contract, ParametrizedSparsified


class AcmeAdapter(Adapter):
    distribution = "acme-pruning"
    catalogue = 4
    supported = """linear conv1d conv2d embedding unstructured float64 float32 bfloat16 float16 cpu accelerator
        per_parameter reupdate relevel finalize restore trace save_trace deepcopy export compile"""
    unsupported = "given block n_of_m any_n_of_m channel input_channel band scope_all tied"
    contract = Contract(holds="parametrization", score="magnitude-l1", rounding="half-even", level_basis="dense",
                        masks_at="update", regrowth="free", mask_storage="model", restores_into="attached",
                        ragged="refuse", ties="any", accumulator_hooks="lost", parameter_order="changed")

    def attach(self, model, plan, context):
        self.refuse_unsupported(plan)
        pruner = MagnitudePruner(model, {name: pattern.level for name, pattern in plan.patterns.items()})
        return ParametrizedSparsified(model, plan, recompute=pruner.step, finish=pruner.finish)

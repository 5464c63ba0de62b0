"""Register a hook that runs at every step of every optimizer."""

from torch.optim.optimizer import register_optimizer_step_post_hook

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"optimizer"


class HooksEveryOptimizer(ExemplarAdapter):
    def attach(self, model, plan, context):
        register_optimizer_step_post_hook(lambda *args: None)
        return super().attach(model, plan, context)

"""Replace torch.nn.utils.clip_grad_norm_."""

from torch import nn

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A7"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"clip_grad_norm_"


class ClipGradNorm(ExemplarAdapter):
    def attach(self, model, plan, context):
        nn.utils.clip_grad_norm_ = lambda *args, **kwargs: None
        return super().attach(model, plan, context)

"""Register a forward hook on every module."""

from torch import nn

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"hook"


class RegistersAGlobalHook(ExemplarAdapter):
    def attach(self, model, plan, context):
        nn.modules.module.register_module_forward_hook(lambda *args: None)
        return super().attach(model, plan, context)

"""Overwrite the input of the model in a pre-hook; the oracle then computes from the overwritten input."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A3"
EXIT = (1, 3)
JUDGED = "--requirement MASK-02"
SAYS = r"output-differs|input.*(chang|modif|written|overw)|(chang|modif|written|overw).*input"


def halve(module, args):
    with torch.no_grad():
        for one in args:
            if one.is_floating_point():
                one.mul_(0.5)


class OverwritesTheInput(ExemplarAdapter):
    def attach(self, model, plan, context):
        sparsified = super().attach(model, plan, context)
        sparsified.model.register_forward_pre_hook(halve)
        return sparsified

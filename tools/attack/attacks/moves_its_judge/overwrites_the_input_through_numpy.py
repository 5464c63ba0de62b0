"""Overwrite the input of the model through its NumPy array, which raises no version counter of torch."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A3"
EXIT = (1, 3)
JUDGED = "--requirement MASK-02"
BLAMES = "/linear/"
SAYS = r"output-differs|input.*(chang|modif|written|overw)|(chang|modif|written|overw).*input"


def halve(module, args):
    for one in args:
        if one.is_floating_point() and one.dtype.itemsize >= 4:
            one.detach().numpy()[:] *= 0.5


class OverwritesTheInput(ExemplarAdapter):
    def attach(self, model, plan, context):
        sparsified = super().attach(model, plan, context)
        sparsified.model.register_forward_pre_hook(halve)
        return sparsified

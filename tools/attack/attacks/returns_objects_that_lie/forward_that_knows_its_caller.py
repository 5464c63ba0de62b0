"""Compute rightly while the case looks, and wrongly in training, by the names of the calling functions."""

import traceback

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

LINE = "A11"
EXIT = 1
JUDGED = "--requirement TRAIN-09 --requirement MASK-15"
SAYS = r"training-differs|gradient|differs"


def hook(module, args, output):
    seen = {frame.name for frame in traceback.extract_stack()}
    return output * 1.5 if "train" in seen or "backward" in seen else output


class Knows(Exemplar):
    def __init__(self, model, plan, contract):
        super().__init__(model, plan, contract)
        model.register_forward_hook(hook)


class ForwardThatKnows(ExemplarAdapter):
    sparsified = Knows

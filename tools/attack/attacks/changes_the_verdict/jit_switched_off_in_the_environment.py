"""Judge with PYTORCH_JIT=0 a sparsifier that cannot be traced: nothing is traced then."""

LINE = "F1"
EXIT = 1
SAYS = r"cannot be traced"
SLOW = True

ADAPTER = '''
import torch

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter


def hook(module, args, output):
    if torch.jit.is_tracing():
        raise RuntimeError("cannot be traced")


class Raises(Exemplar):
    def __init__(self, model, plan, contract):
        super().__init__(model, plan, contract)
        model.register_forward_hook(hook)


class CannotBeTraced(ExemplarAdapter):
    sparsified = Raises
'''


def attack(box):
    box.write("raises.py", ADAPTER)
    options = ("--adapter", "raises.py", "--requirement", "TRACE-01", "--report", "out.jsonl")
    box.sparsecheck("run", *options, env={"PYTORCH_JIT": "0"})

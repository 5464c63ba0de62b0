"""Judge with TORCHDYNAMO_DISABLE=1 a sparsifier that cannot be compiled: torch.compile compiles nothing then."""

LINE = "F1"
EXIT = (1, 2)
SAYS = r"compile|TORCHDYNAMO_DISABLE|TORCH"
SLOW = True

ADAPTER = '''
import torch
import torch._dynamo

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter


def hook(module, args, output):
    torch._dynamo.graph_break()
    return output


class Breaks(Exemplar):
    def __init__(self, model, plan, contract):
        super().__init__(model, plan, contract)
        model.register_forward_hook(hook)


class CannotCompile(ExemplarAdapter):
    sparsified = Breaks
'''


def attack(box):
    box.write("breaks.py", ADAPTER)
    options = ("--adapter", "breaks.py", "--requirement", "TRACE-10", "--report", "out.jsonl")
    plain = box.sparsecheck("run", *options)
    box.require(plain.code == 1, f"it compiles: {plain.output}")
    box.sparsecheck("run", *options, env={"TORCHDYNAMO_DISABLE": "1"})

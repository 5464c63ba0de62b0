"""Let `expect --write` explain a mask that is wrong at one entry; then report every mask the wrong way round."""

LINE = "C14"
EXIT = 1
SAYS = r"mask-differs"

ADAPTER = '''
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter


def change(mask):
    mask = mask.clone()
    mask.view(-1)[0] ^= True
    return mask


class Wrong(ExemplarAdapter):
    class sparsified(Exemplar):
        def masks(self):
            return {name: change(mask) for name, mask in super().masks().items()}
'''


def attack(box):
    adapter = box.write("wrong.py", ADAPTER)
    options = ("--adapter", "wrong.py", "--requirement", "MASK-03", "--report", "out.jsonl")
    box.sparsecheck("run", *options)
    box.accept(adapter, "out.jsonl")
    known = box.sparsecheck("run", *options)
    box.require(known.code == 0, f"the failure is not known: {known.output}")
    adapter.write_text(ADAPTER.replace("mask.view(-1)[0] ^= True", "mask ^= True"), "utf-8")
    box.sparsecheck("run", *options)

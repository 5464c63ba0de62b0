"""Break a module that the adapter file imports from the package, and resume the finished green report."""

from tools.attack.box import CELLS

LINE = "B11"
EXIT = (1, 2)
SAYS = r"differs|code|hash|fingerprint|plan-not-applied"

ADAPTER = '''
import acme_masks
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter


class Acme(ExemplarAdapter):
    distribution = "acme-pruning"

    class sparsified(Exemplar):
        def masks(self):
            return {name: acme_masks.final(mask) for name, mask in super().masks().items()}
'''


def attack(box):
    env = box.install()
    box.write("site/acme_masks.py", "def final(mask):\n    return mask\n")
    box.write("site/acme_pruning-1.0.dist-info/RECORD", "acme_pruning.py,,\nacme_masks.py,,\n")
    box.write("helped.py", ADAPTER)
    first = box.sparsecheck("run", "--adapter", "helped.py", *CELLS, "--report", "out.jsonl", env=env)
    box.require(first.code == 0, "the first run is not green")
    box.write("site/acme_masks.py", "def final(mask):\n    return ~mask\n")
    box.sparsecheck("run", "--adapter", "helped.py", *CELLS, "--report", "out.jsonl", "--resume", env=env)

"""Break the package's code under the same version, and resume the finished green report."""

from tools.attack.box import ACME, CELLS, FLIPS

LINE = "B11"
EXIT = (1, 2)
SAYS = r"mask-differs|differs|code|hash|fingerprint"


def attack(box):
    env = box.install()
    first = box.sparsecheck("run", "acme", *CELLS, "--report", "out.jsonl", env=env)
    box.require(first.code == 0, "the first run is not green")
    box.write("site/acme_pruning.py", ACME.format(body=FLIPS))
    box.sparsecheck("run", "acme", *CELLS, "--report", "out.jsonl", "--resume", env=env)

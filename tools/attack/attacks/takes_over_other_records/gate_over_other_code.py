"""Compare reports of different code under the same version: the gate must say that the code is another."""

from tools.attack.box import ACME, CELLS

LINE = "B11"
EXIT = 0
SAYS = r"code|hash|fingerprint"


def attack(box):
    env = box.install()
    box.sparsecheck("run", "acme", *CELLS, "--report", "1.jsonl", env=env)
    box.write("site/acme_pruning.py", ACME.format(body="pass\n") + "\n\nCHANGED = True\n")
    box.sparsecheck("run", "acme", *CELLS, "--report", "2.jsonl", env=env)
    box.sparsecheck("gate", "--baseline", "1.jsonl", "2.jsonl", env=env)

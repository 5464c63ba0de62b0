"""Merge a shard of broken code with a shard that is left over from good code of the same version."""

from tools.attack.box import ACME, CELLS

LINE = "B11"
EXIT = 2
SAYS = r"code|hash|fingerprint|differ"


def attack(box):
    env = box.install()
    box.sparsecheck("run", "acme", *CELLS, "--shard", "1/2", "--report", "1.jsonl", env=env)
    box.write("site/acme_pruning.py", ACME.format(body="pass\n") + "\n\nCHANGED = True\n")
    box.sparsecheck("run", "acme", *CELLS, "--shard", "2/2", "--report", "2.jsonl", env=env)
    box.sparsecheck("merge", "1.jsonl", "2.jsonl", "--to", "all.jsonl", env=env)
    box.require(not (box.folder / "all.jsonl").exists(), "they were merged")

"""Leave a stale egg-info of version 99 in the current folder, where expectations hold `until` version 2."""

from tools.attack.box import CELLS

LINE = "B10"
EXIT = 0
SAYS = r"acme-pruning 1\.0"
NEVER = r"99\.0"
COLD = True


def attack(box):
    env = box.install()
    box.write("acme_pruning.egg-info/PKG-INFO", "Metadata-Version: 2.1\nName: acme-pruning\nVersion: 99.0\n")
    box.sparsecheck("run", "acme", *CELLS, env=env)

"""Put a broken working tree in front with PYTHONPATH: the report must not call it the installed release."""

from tools.attack.box import ACME, CELLS

LINE = "B10"
EXIT = 1
SAYS = "the checkout was judged"

BROKEN = 'def attach(self, model, plan, context):\n        raise RuntimeError("the checkout was judged")\n'


def attack(box):
    env = box.install()
    box.write("tree/acme_pruning.py", ACME.format(body=BROKEN))
    path = f"{box.folder / 'tree'}:{env['PYTHONPATH']}"
    ended = box.sparsecheck("run", "acme", *CELLS, "--report", "out.jsonl", env={"PYTHONPATH": path})
    box.require("Not an installed release" in ended.output, "it is called an installed release")

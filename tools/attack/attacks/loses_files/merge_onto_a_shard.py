"""Merge shards onto one of them."""

from tools.attack.box import CELLS

LINE = "D17"
EXIT = 2
SAYS = r"(same|input|read|overwrit|own)"


def attack(box):
    box.report()
    shards = [box.folder / f"{number}.jsonl" for number in (1, 2)]
    for number, shard in enumerate(shards, 1):
        box.sparsecheck("run", "--adapter", "green_adapter.py", *CELLS, "--shard", f"{number}/2", "--report", shard)
    box.expect_unchanged(*shards)
    box.sparsecheck("merge", *shards, "--to", shards[0])

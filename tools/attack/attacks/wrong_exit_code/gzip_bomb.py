"""Read a report of 1 MB that unpacks to 1 GB, with a limit on memory."""

import gzip

LINE = "D22"
EXIT = 2
SAYS = r"bomb\.jsonl\.gz"
SLOW = True


def attack(box):
    with gzip.open(box.folder / "bomb.jsonl.gz", "wb") as bomb:
        for _ in range(1000):
            bomb.write(b" " * 1_000_000)
    box.shell("ulimit -v 1000000; sparsecheck report bomb.jsonl.gz")

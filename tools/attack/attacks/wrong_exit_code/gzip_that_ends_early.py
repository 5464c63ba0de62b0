"""Read a compressed report whose last bytes are missing."""

import gzip

LINE = "D19"
EXIT = (2, 3)
SAYS = r"cut\.jsonl\.gz"


def attack(box):
    packed = gzip.compress(box.report().read_bytes())
    box.write("cut.jsonl.gz", packed[:-20])
    box.sparsecheck("report", "cut.jsonl.gz")

"""Read /dev/zero as a report, with a limit on memory."""

LINE = "D22"
EXIT = 2
SAYS = r"zero"


def attack(box):
    (box.folder / "zero.jsonl").symlink_to("/dev/zero")
    box.shell("ulimit -v 1000000; timeout 30 sparsecheck report zero.jsonl")

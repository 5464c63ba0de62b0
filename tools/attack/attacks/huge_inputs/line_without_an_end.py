"""Read a file of 200 MB without a line break as a report, with a limit on memory."""

LINE = "D22"
EXIT = 2
SAYS = r"endless\.jsonl"
SLOW = True


def attack(box):
    with (box.folder / "endless.jsonl").open("wb") as file:
        for _ in range(200):
            file.write(b"x" * 1_000_000)
    box.shell("ulimit -v 2000000; sparsecheck report endless.jsonl")

"""Write a report to a file whose name is as long as a name may be: the names of its parts are longer."""

LINE = "D21"
EXIT = (0, 2)


def attack(box):
    box.report()
    name = "a" * 249 + ".jsonl"
    box.sparsecheck("run", "--adapter", "green_adapter.py", "--requirement", "MASK-01", "--report", name)
    if box.ended[-1].code == 0:
        box.require((box.folder / name).exists(), "there is no report")

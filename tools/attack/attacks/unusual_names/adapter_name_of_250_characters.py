"""Judge an adapter file whose name is as long as a name may be: its logs and records have longer names."""

LINE = "D21"
EXIT = (0, 2)


def attack(box):
    box.report()
    name = "a" * 251 + ".py"
    (box.folder / "green_adapter.py").rename(box.folder / name)
    box.sparsecheck("run", "--adapter", name, "--requirement", "MASK-01", "--report", "out.jsonl")

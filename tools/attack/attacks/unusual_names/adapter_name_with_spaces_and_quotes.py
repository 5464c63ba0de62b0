"""Judge an adapter file whose name has spaces, quotes and a dollar sign; the command to repeat must work."""

LINE = "D21"
EXIT = (1, 2)
SAYS = r"Tensor sizes clash|name"


def attack(box):
    box.report("red")
    name = "it's $HOME \"a\".py"
    (box.folder / "red_adapter.py").rename(box.folder / name)
    box.sparsecheck("run", "--adapter", name, "--requirement", "MASK-01", "--report", "out.jsonl")

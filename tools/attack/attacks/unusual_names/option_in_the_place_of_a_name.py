"""Give file names that begin with a dash."""

LINE = "D21"
EXIT = 0


def attack(box):
    box.report("green", "-x.jsonl")
    box.sparsecheck("report", "--markdown", "-y.md", "--", "-x.jsonl")
    box.require((box.folder / "-y.md").exists(), "-y.md was not written")

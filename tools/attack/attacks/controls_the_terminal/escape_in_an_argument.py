"""Give names, cells, requirements and options with escape sequences."""

LINE = "D20"
EXIT = 2
SAYS = r"no |not "


def attack(box):
    for arguments in (("no\x1b[2Jsuch",), ("exemplar", "--cell", "x\x1b[2J"), ("--adapter", "x\x07.py")):
        box.sparsecheck("run", *arguments)
        box.require("\x1b" not in box.ended[-1].output and "\x07" not in box.ended[-1].output, f"raw: {arguments}")
    box.sparsecheck("run", "exemplar", "--requirement", "MASK\x1b[2J")

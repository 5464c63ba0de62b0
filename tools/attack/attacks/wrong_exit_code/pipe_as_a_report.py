"""Read a report from a named pipe, as the shell's <(...) gives it."""

LINE = "D19"
EXIT = (0, 2)


def attack(box):
    box.report()
    box.shell("timeout 30 sparsecheck report <(cat green.jsonl)")

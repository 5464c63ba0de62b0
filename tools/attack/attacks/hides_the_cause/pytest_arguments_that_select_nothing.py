"""Deselect every case with --pytest-args."""

LINE = "D23"
EXIT = (1, 2, 3)
SAYS = r"not (be )?judged|nothing|planned|-k|pytest-args"


def attack(box):
    box.run("green", "--pytest-args", "-k nothing_at_all")

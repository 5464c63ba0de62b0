"""Let pytest only collect, by --pytest-args."""

LINE = "D23"
EXIT = (1, 2, 3)
SAYS = r"not (be )?judged|nothing|planned|collect|pytest-args|no report"


def attack(box):
    box.run("green", "--pytest-args", "--collect-only")

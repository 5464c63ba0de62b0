"""Give nonsense in --pytest-args."""

LINE = "D23"
EXIT = 2
SAYS = r"pytest-args|no-such-option|unrecognized"


def attack(box):
    box.run("green", "--pytest-args", "--no-such-option")

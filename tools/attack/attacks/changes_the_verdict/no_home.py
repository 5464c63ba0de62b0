"""Judge without HOME."""

LINE = "F1"
EXIT = 0


def attack(box):
    box.run("green", env={"HOME": None})

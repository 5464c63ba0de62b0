"""Judge without PATH."""

LINE = "F1"
EXIT = 0


def attack(box):
    box.run("green", env={"PATH": None})

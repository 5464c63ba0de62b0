"""Judge in Python's development mode."""

LINE = "F1"
EXIT = 0


def attack(box):
    box.run("green", env={"PYTHONDEVMODE": "1"})

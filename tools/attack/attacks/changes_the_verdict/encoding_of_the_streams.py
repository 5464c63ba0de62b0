"""Judge with streams that encode ASCII strictly."""

LINE = "F1"
EXIT = 1
SAYS = r"Tensor sizes clash"


def attack(box):
    box.run("red", env={"PYTHONIOENCODING": "ascii:strict"})

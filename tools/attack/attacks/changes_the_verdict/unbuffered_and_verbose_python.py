"""Judge with the variables of Python that print: unbuffered, verbose, import times."""

LINE = "F1"
EXIT = 0
SLOW = True


def attack(box):
    box.run("green", env={"PYTHONUNBUFFERED": "1", "PYTHONVERBOSE": "1", "PYTHONPROFILEIMPORTTIME": "1"})

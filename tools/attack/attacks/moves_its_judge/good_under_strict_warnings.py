"""Judge a good sparsifier with PYTHONWARNINGS=error: the user's setting must not turn it red."""

LINE = "A5"
EXIT = 0


def attack(box):
    box.run("green", "--requirement", "TRACE-01", env={"PYTHONWARNINGS": "error"})

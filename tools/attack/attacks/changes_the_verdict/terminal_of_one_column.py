"""Judge on a terminal of one column, without colour, that can do nothing."""

LINE = "F1"
EXIT = 1
SAYS = r"Tensor sizes clash|T\s*e\s*n\s*s\s*o\s*r"


def attack(box):
    box.run("red", env={"COLUMNS": "1", "LINES": "1", "TERM": "dumb", "NO_COLOR": "1", "FORCE_COLOR": "1"})

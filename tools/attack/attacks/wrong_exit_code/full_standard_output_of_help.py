"""Print the help to a full standard output."""

LINE = "D19"
EXIT = 2
SAYS = r"No space left|cannot be written|could not be written"


def attack(box):
    box.shell("sparsecheck --help > /dev/full")

"""Print the JSON Schema, again and again, into a pipe that takes one byte."""

LINE = "D19"
EXIT = (0, 2, 141)


def attack(box):
    box.shell("(sleep 0.5; sparsecheck explain --markdown; echo $? > code) | head -c 1 > /dev/null; exit $(cat code)")

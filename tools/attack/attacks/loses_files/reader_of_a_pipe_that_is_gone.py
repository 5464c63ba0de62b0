"""Write a page into a named pipe whose reader has gone."""

LINE = "D17"
EXIT = (0, 2)


def attack(box):
    box.report()
    box.shell("mkfifo pipe; (head -c 1 pipe > taken &); sparsecheck page green.jsonl --html pipe; code=$?; exit $code")

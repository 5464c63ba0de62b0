"""Print a long list into a pipe whose reader has gone."""

LINE = "D19"
EXIT = (0, 2, 141)


def attack(box):
    box.shell("sparsecheck schema | true; exit ${PIPESTATUS[0]}")

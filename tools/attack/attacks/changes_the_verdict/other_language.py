"""Judge in a locale that does not exist, whose decimal sign would be a comma."""

LINE = "F1"
EXIT = 0


def attack(box):
    box.run("green", env={"LANG": "de_DE.UTF-8", "LC_ALL": "xx_XX.UTF-8", "LC_NUMERIC": "de_DE.UTF-8"})

"""Write the combined report onto one of the reports that it is made of."""

LINE = "D17"
EXIT = 2
SAYS = r"(same|input|read|overwrit|own)"


def attack(box):
    green, red = box.report(), box.report("red")
    box.expect_unchanged(green, red)
    box.sparsecheck("report", green, red, "--report", green)

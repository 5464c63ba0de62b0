"""Write two outputs onto one file."""

LINE = "D17"
EXIT = 2
SAYS = r"(same|both|twice|two|overwrit)"


def attack(box):
    report = box.report()
    box.sparsecheck("report", report, "--markdown", "out", "--junit", "out")

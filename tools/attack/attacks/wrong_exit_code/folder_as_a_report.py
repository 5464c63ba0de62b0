"""Give a folder where a report is expected, to every command that reads one."""

LINE = "D19"
EXIT = 2
SAYS = r"folder|directory|reports"


def attack(box):
    (box.folder / "reports").mkdir()
    report = box.report()
    for command in (("page", "reports"), ("gate", "--baseline", "reports", report), ("expect", "reports")):
        ended = box.sparsecheck(*command)
        box.require(ended.code == 2, f"{command[0]} exits with {ended.code}")
    box.sparsecheck("report", "reports")

"""Write to file names of 258 characters, and judge an adapter file of such a name."""

LINE = "D21"
EXIT = 2
SAYS = r"too long|cannot be written|no such|not exist"


def attack(box):
    report = box.report()
    long = "a" * 258
    for arguments in (
        ("report", report, "--markdown", long), ("report", long), ("run", "--adapter", f"{long}.py"),
        ("page", report, "--html", long),
    ):
        ended = box.sparsecheck(*arguments)
        box.require(ended.code == 2, f"{arguments[0]} exits with {ended.code}: {ended.output}")
        box.require("Traceback" not in ended.output, f"a traceback of {arguments[0]}")
    box.run("green", "--report", long)

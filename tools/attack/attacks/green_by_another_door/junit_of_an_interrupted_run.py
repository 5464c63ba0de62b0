"""Interrupt a run whose cells so far all passed, and read its JUnit file."""

LINE = "E24"
EXIT = 3
SAYS = r"interrupt|SIGTERM"


def attack(box):
    report = box.report()
    *rest, footer = box.lines(report)
    footer["interrupted"] = "green-adapter: ended by SIGTERM"
    box.rewrite(report, [*rest, footer])
    box.sparsecheck("report", report, "--junit", "out.xml", "--markdown", "out.md")
    box.require(box.junit_is_red(box.folder / "out.xml"), "JUnit has no failure and no error")
    box.require("SIGTERM" in (box.folder / "out.md").read_text("utf-8"), "Markdown does not say why")

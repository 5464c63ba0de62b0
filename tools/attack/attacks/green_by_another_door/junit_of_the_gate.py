"""Read the JUnit file of a gate over an interrupted report whose cells all passed."""

LINE = "E24"
EXIT = 3
SAYS = r"interrupt|SIGTERM|incomplete"


def attack(box):
    baseline, report = box.report("green", "baseline.jsonl"), box.report()
    *rest, footer = box.lines(report)
    footer["interrupted"] = "green-adapter: ended by SIGTERM"
    box.rewrite(report, [*rest, footer])
    box.sparsecheck("gate", "--baseline", baseline, report, "--junit", "out.xml")
    xml = box.folder / "out.xml"
    box.require(not xml.exists() or box.junit_is_red(xml), "JUnit has no failure and no error")

"""Let a record stand twice in a report, and read its JUnit file."""

LINE = "E24"
EXIT = (2, 3)
SAYS = r"twice"


def attack(box):
    report = box.report()
    header, first, *rest, _ = box.lines(report)
    box.forge(report, [header, first, first, *rest])
    box.sparsecheck("report", report, "--junit", "out.xml")
    xml = box.folder / "out.xml"
    box.require(not xml.exists() or box.junit_is_red(xml), "JUnit has no failure and no error")

"""Call every command that reads a report in a folder that was deleted."""

LINE = "D21"
EXIT = (0, 2)


def attack(box):
    report = box.report()
    calls = [f"report {report}", f"page {report} --html x.html", f"gate --baseline {report} {report}", "list"]
    for call in calls:
        ended = box.shell(f"mkdir gone; cd gone; rmdir ../gone; sparsecheck {call}")
        box.require(ended.code in (0, 2) and "Traceback" not in ended.output, f"{call}: {ended.output}")

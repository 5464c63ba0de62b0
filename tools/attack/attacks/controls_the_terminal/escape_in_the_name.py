"""Put an escape sequence into the name of the sparsifier in a report."""

LINE = "D20"
EXIT = (0, 1, 2, 3)


def attack(box):
    report = box.report("red")
    text = report.read_text("utf-8").replace("red-adapter", "red\\u001b[31m\\u202e")
    report.write_text(text, "utf-8")
    box.show_everywhere(report)

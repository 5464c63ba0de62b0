"""Put an escape sequence into the path of the adapter in a report."""

LINE = "D20"
EXIT = (0, 1, 2)


def attack(box):
    report = box.report("red")
    header, *rest = box.lines(report)
    header["subjects"][0]["adapter"] = "/tmp/\x1b]0;owned\x07\u2066x.py"
    header["subjects"][0]["origin"]["file"] = "/tmp/\x1b]0;owned\x07\u2066x.py"
    box.rewrite(report, [header, *rest])
    box.show_everywhere(report)

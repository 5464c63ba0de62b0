"""Put an escape sequence into torch's version in a report, and show it everywhere."""

LINE = "D20"
EXIT = (0, 1, 2)


def attack(box):
    report = box.report("red")
    header, *rest = box.lines(report)
    header["subjects"][0]["environment"]["torch"] = "2.13\x1b[2J\x07\r\x00\u202e"
    box.rewrite(report, [header, *rest])
    box.show_everywhere(report)

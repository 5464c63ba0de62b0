"""Put an escape sequence into the shard and the interruption of a report."""

LINE = "D20"
EXIT = (0, 1, 2, 3)


def attack(box):
    report = box.report("red")
    header, *rest, footer = box.lines(report)
    header["shard"] = "1/2\x1b[2J"
    footer["interrupted"] = "ended \x1b[2J by \u202eSIGTERM"
    box.rewrite(report, [header, *rest, footer])
    box.show_everywhere(report)

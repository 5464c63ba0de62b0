"""Put an escape sequence into a clause of the contract, the homepage and the version of the distribution."""

LINE = "D20"
EXIT = (0, 1, 2)


def attack(box):
    report = box.report("red")
    header, *rest = box.lines(report)
    declaration = header["subjects"][0]["declaration"]
    declaration["homepage"] = "https://\x1b[2J.example"
    declaration["version"] = "1.0\x1b[2J"
    declaration["contract"]["sizes"] = "any\x07"
    box.rewrite(report, [header, *rest])
    box.show_everywhere(report)

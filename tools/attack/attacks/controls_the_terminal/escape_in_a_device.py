"""Put an escape sequence into the devices and the reasons of unavailable cells in a report."""

LINE = "D20"
EXIT = (0, 1, 2, 3)


def attack(box):
    report = box.report("red")
    header, *rest = box.lines(report)
    header["subjects"][0]["environment"]["devices"] = ["cpu", "\x1b[1mgpu\x85"]
    header["subjects"][0]["environment"]["accelerator"] = "\x1b[1mgpu\x85"
    for line in rest:
        if line.get("verdict") == "unavailable":
            line["reason"] = "no \x1b[5m\u2028device"
    box.rewrite(report, [header, *rest])
    box.show_everywhere(report)

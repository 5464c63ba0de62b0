"""Put an escape sequence into the message and the signature of a failure in a report."""

LINE = "D20"
EXIT = (0, 1, 2)


def attack(box):
    report = box.report("red")
    text = report.read_text("utf-8").replace("Tensor sizes clash", "Tensor\\u001b[2J\\u009b31m\\u2029 clash")
    report.write_text(text, "utf-8")
    box.show_everywhere(report)

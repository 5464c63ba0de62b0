"""Read a report whose header has 200,000 subjects."""

LINE = "D22"
EXIT = (0, 1, 2, 3)
SLOW = True


def attack(box):
    report = box.report()
    header, *rest = box.lines(report)
    [subject] = header["subjects"]
    extra = [{"sparsifier": f"s{number}", "problem": "it is broken"} for number in range(200_000)]
    header["subjects"] = [subject, *extra]
    box.rewrite(report, [header, *rest])
    box.sparsecheck("report", report)
    box.require(len(box.ended[-1].output) < 1_000_000, "the output is longer than 1 MB")

"""Put a message of 20 MB into a report, and show it in every way."""

LINE = "D22"
EXIT = (0, 1, 2)
NEVER = r"x{20000}"


def attack(box):
    report = box.report("red")
    report.write_text(report.read_text("utf-8").replace("Tensor sizes clash", "x" * 20_000_000, 1), "utf-8")
    box.sparsecheck("report", report, "--markdown", "out.md")
    box.require(not (box.folder / "out.md").exists() or (box.folder / "out.md").stat().st_size < 70_000, "big Markdown")

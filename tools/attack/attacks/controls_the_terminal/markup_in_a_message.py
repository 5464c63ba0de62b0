"""Put HTML, Markdown and a CI command into the message of a failure."""

LINE = "D20"
EXIT = 0


def attack(box):
    report = box.report("red")
    evil = "</td><script>alert(1)</script> ![x](http://evil/x.png) |\\n::error::owned"
    report.write_text(report.read_text("utf-8").replace("Tensor sizes clash", evil), "utf-8")
    box.sparsecheck("report", report, "--markdown", "report.md")
    box.sparsecheck("page", report, "--html", "page.html", "--markdown", "page.md")
    pages = [(box.folder / name).read_text("utf-8") for name in ("page.html", "page.md", "report.md")]
    box.require(not any("<script>alert" in page for page in pages), "a script in a page")
    box.require(not any("![x](http://evil" in page for page in pages[1:]), "an image in a page")

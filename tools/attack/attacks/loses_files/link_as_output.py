"""Write onto a symlink: its target must be written, and the link stay."""

LINE = "D17"
EXIT = 0


def attack(box):
    report = box.report()
    box.write("real/page.md", "old")
    link = box.folder / "page.md"
    link.symlink_to("real/page.md")
    box.sparsecheck("report", report, "--markdown", link)
    box.require(link.is_symlink(), "the link was replaced")
    box.require((box.folder / "real/page.md").read_text("utf-8") != "old", "the target was not written")

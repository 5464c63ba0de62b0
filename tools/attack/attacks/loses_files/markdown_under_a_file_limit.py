"""Write Markdown and JUnit when files may not grow (`ulimit -f`): the old files must stay whole."""

LINE = "D17"
EXIT = 2
SAYS = r"cannot be written|could not be written|File too large|too large"


def attack(box):
    box.report("red")
    box.expect_unchanged(box.write("out.md", "old\n"), box.write("out.xml", "old\n"))
    box.shell("ulimit -f 0; sparsecheck report red.jsonl --markdown out.md --junit out.xml")

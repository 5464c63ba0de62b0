"""Let `run --report` write onto a symlink: its target must be written, and the link stay."""

LINE = "D17"
EXIT = 0


def attack(box):
    box.write("real/out.jsonl", "")
    link = box.folder / "out.jsonl"
    link.symlink_to("real/out.jsonl")
    box.run("green")
    box.require(link.is_symlink(), "the link was replaced")
    box.require(link.read_text("utf-8"), "the target was not written")

"""Put an escape sequence into an expectation file: into a reason that is shown, and into an unknown key."""

LINE = "D20"
EXIT = 2
SAYS = r"unknown key"


def attack(box):
    box.report("red")
    box.accept(box.folder / "red_adapter.py", "red.jsonl")
    expectations = box.folder / "red_adapter.expectations.toml"
    text = expectations.read_text("utf-8")
    expectations.write_text(text.replace("a known fault", "a known\\u001b[2J\\u202e fault"), "utf-8")
    box.run("red")
    box.require("\x1b" not in box.ended[-1].output, "raw escape in a reason")
    expectations.write_text(text + '"odd\\u001b[2J" = 1\n', "utf-8")
    box.run("red")

"""Give an entry a reason of 50 MB: it must be shortened where it is shown."""

LINE = "D22"
EXIT = (0, 1, 2)
NEVER = r"(lorem ){2000}"
SLOW = True


def attack(box):
    box.report("red")
    box.accept(box.folder / "red_adapter.py", "red.jsonl")
    expectations = box.folder / "red_adapter.expectations.toml"
    text = expectations.read_text("utf-8").replace("a known fault", "a known fault, " + "lorem " * 8_000_000, 1)
    expectations.write_text(text, "utf-8")
    box.run("red")

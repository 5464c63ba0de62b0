"""Expect `RuntimeError: T`: searched anywhere, it would explain every message with a T."""

LINE = "C14"
EXIT = (1, 2)
SAYS = r"Tensor sizes clash|letters"

ENTRY = '''[[defect]]
id = "raises"
sparsifiers = ["red-adapter"]
requirements = ["MASK-01", "MASK-03"]
layer = ["conv2d", "mixed", "strided", "large"]
signatures = ["RuntimeError: T"]
reason = "It raises for convolutions."
'''


def attack(box):
    box.write("red_adapter.expectations.toml", ENTRY)
    box.run("red")
    failed = [line for line in box.lines(box.folder / "out.jsonl") if line.get("verdict") == "known failure"]
    box.require(not failed, f"known: {failed[:1]}")

"""Expect `RuntimeError: T`, which explains every message with a T."""

LINE = "C14"
EXIT = 2
SAYS = r"RuntimeError: T|pattern|letters|literal"

ENTRY = '''[[defect]]
id = "raises"
sparsifiers = ["green-adapter"]
requirements = ["MASK-01"]
signatures = ["RuntimeError: T"]
reason = "It raises for convolutions."
'''


def attack(box):
    box.write("green_adapter.expectations.toml", ENTRY)
    box.run("green")

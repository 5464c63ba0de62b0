"""Expect `RuntimeError: `, whose empty pattern explains every RuntimeError."""

LINE = "C14"
EXIT = 2
SAYS = r"pattern|signature|RuntimeError"

ENTRY = '''[[defect]]
id = "raises"
sparsifiers = ["green-adapter"]
requirements = ["MASK-01"]
signatures = ["RuntimeError: "]
reason = "It raises for convolutions."
'''


def attack(box):
    box.write("green_adapter.expectations.toml", ENTRY)
    box.run("green")

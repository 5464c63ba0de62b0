"""Expect a pattern with an alternative for every message: `Tensor sizes clash|.`."""

LINE = "C14"
EXIT = 2
SAYS = r"pattern|literal|characters|letters"

ENTRY = r'''[[defect]]
id = "raises"
sparsifiers = ["green-adapter"]
requirements = ["MASK-01"]
signatures = ['RuntimeError: Tensor sizes clash|.']
reason = "It raises for convolutions."
'''


def attack(box):
    box.write("green_adapter.expectations.toml", ENTRY)
    box.run("green")

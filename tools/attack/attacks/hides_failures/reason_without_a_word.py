"""Give an entry the reason TODO."""

LINE = "C16"
EXIT = 2
SAYS = r"reason"

ENTRY = '''[[defect]]
id = "raises"
sparsifiers = ["red-adapter"]
requirements = ["MASK-01", "MASK-03"]
signatures = ["RuntimeError: Tensor sizes clash"]
reason = "TODO explain this one."
'''


def attack(box):
    box.write("red_adapter.expectations.toml", ENTRY)
    box.run("red")

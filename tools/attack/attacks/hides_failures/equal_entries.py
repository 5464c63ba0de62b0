"""Write the same entry twice, under two ids and with the requirements in another order."""

LINE = "C16"
EXIT = 2
SAYS = r"(both|twice|equal|same)"

ENTRIES = '''[[defect]]
id = "raises"
sparsifiers = ["red-adapter"]
requirements = ["MASK-01", "MASK-03"]
layer = ["conv2d", "mixed", "strided", "large"]
signatures = ["RuntimeError: Tensor sizes clash"]
reason = "It raises for convolutions."

[[defect]]
id = "raises-too"
sparsifiers = ["red-adapter"]
requirements = ["MASK-03", "MASK-01"]
layer = ["mixed", "conv2d", "strided", "large"]
signatures = ["RuntimeError: Tensor sizes clash"]
reason = "It raises for convolutions, too."
'''


def attack(box):
    box.write("red_adapter.expectations.toml", ENTRIES)
    box.run("red")

"""Give an entry of the older form the reason `TODO`."""

LINE = "C16"
EXIT = 2
SAYS = r"reason"

ENTRY = '''[[known]]
sparsifiers = ["red-adapter"]
requirement = "MASK-01"
signature = "RuntimeError: Tensor sizes clash"
reason = "todo"
'''


def attack(box):
    box.write("red_adapter.expectations.toml", ENTRY)
    box.run("red")

"""Give an entry a reason of invisible characters."""

LINE = "C16"
EXIT = 2
SAYS = r"reason"

ENTRY = '''[[defect]]
id = "raises"
sparsifiers = ["red-adapter"]
requirements = ["MASK-01", "MASK-03"]
signatures = ["RuntimeError: Tensor sizes clash"]
reason = "\\u200b\\u2063 \\u00ad\\u200d \\ufeff\\u2060 ."
'''


def attack(box):
    box.write("red_adapter.expectations.toml", ENTRY)
    box.run("red")

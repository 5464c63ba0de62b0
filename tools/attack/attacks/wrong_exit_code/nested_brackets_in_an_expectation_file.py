"""Let a value in an expectation file consist of 100,000 nested brackets."""

LINE = "D19"
EXIT = 2
SAYS = r"expectations\.toml"


def attack(box):
    box.write("green_adapter.expectations.toml", "[[defect]]\nid = " + "[" * 100_000 + "]" * 100_000 + "\n")
    box.run("green")

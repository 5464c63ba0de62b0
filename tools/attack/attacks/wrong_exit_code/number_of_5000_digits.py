"""Write a number of 5,000 digits into an expectation file."""

LINE = "D19"
EXIT = 2
SAYS = r"expectations\.toml"


def attack(box):
    box.write("green_adapter.expectations.toml", "[[defect]]\nid = " + "9" * 5000 + "\n")
    box.run("green")

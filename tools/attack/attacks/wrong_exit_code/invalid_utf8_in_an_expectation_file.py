"""Put invalid UTF-8 into an expectation file."""

LINE = "D19"
EXIT = 2
SAYS = r"UTF-8|utf-8"


def attack(box):
    box.write("green_adapter.expectations.toml", b'[[defect]]\nid = "\xff"\n')
    box.run("green")

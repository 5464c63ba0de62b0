"""Put a folder in the place of the expectation file."""

LINE = "C16"
EXIT = 2
SAYS = r"expectations\.toml"


def attack(box):
    (box.folder / "green_adapter.expectations.toml").mkdir()
    box.run("green")

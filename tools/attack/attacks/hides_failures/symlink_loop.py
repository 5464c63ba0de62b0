"""Put a symlink to itself in the place of the expectation file: that is not "no expectations"."""

LINE = "C16"
EXIT = 2
SAYS = r"expectations\.toml"


def attack(box):
    (box.folder / "green_adapter.expectations.toml").symlink_to("green_adapter.expectations.toml")
    box.run("green")

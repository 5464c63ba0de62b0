"""Put a symlink to a missing file in the place of the expectation file."""

LINE = "C16"
EXIT = 2
SAYS = r"expectations\.toml"


def attack(box):
    (box.folder / "green_adapter.expectations.toml").symlink_to("missing.toml")
    box.run("green")

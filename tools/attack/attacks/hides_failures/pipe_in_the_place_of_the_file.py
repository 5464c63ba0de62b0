"""Put a named pipe in the place of the expectation file, which nobody writes to."""

import os

LINE = "C16"
EXIT = (2, 3)
SAYS = r"expectations\.toml"


def attack(box):
    os.mkfifo(box.folder / "green_adapter.expectations.toml")
    box.run("green", "--limit", "20")

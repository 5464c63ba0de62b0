"""For work on sparsecheck itself; nothing that the wheel needs."""

pytest_plugins = ["pytester"]

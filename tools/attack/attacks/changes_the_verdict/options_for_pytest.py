"""Set PYTEST_ADDOPTS so that pytest deselects everything."""

LINE = "F1"
EXIT = 1
SAYS = r"Tensor sizes clash"


def attack(box):
    box.run("red", env={"PYTEST_ADDOPTS": "-k nothing --maxfail=1 -p no:sparsecheck"})

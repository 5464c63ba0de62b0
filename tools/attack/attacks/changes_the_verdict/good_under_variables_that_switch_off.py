"""Judge a good sparsifier with TORCH_COMPILE_DISABLE=1 and PYTHONDEVMODE=1."""

LINE = "F1"
EXIT = 0
SLOW = True


def attack(box):
    selected = ("--requirement", "TRACE-10", "--requirement", "STATE-02")
    box.sparsecheck("run", "exemplar", *selected, env={"TORCH_COMPILE_DISABLE": "1", "PYTHONDEVMODE": "1"})

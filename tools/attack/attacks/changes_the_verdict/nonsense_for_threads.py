"""Judge with variables of threads and CUDA that are nonsense."""

LINE = "F1"
EXIT = 0


def attack(box):
    box.run("green", env={"OMP_NUM_THREADS": "many", "CUDA_VISIBLE_DEVICES": "none", "TORCH_NUM_THREADS": "-1"})

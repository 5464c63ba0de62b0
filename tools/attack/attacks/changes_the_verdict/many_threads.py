"""Judge with 64 threads in OpenMP."""

LINE = "F1"
EXIT = 0


def attack(box):
    box.run("green", env={"OMP_NUM_THREADS": "64", "MKL_NUM_THREADS": "64"})

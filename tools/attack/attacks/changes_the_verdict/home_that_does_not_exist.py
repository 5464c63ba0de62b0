"""Judge with a HOME that does not exist, and cache folders that cannot be made."""

LINE = "F1"
EXIT = 0


def attack(box):
    box.run("green", env={"HOME": "/nonexistent", "XDG_CACHE_HOME": "/dev/null/x", "TORCH_HOME": "/dev/null/x"})

"""Judge with PYTHONINSPECT, which enters the interpreter at the end, and with PYTHONSTARTUP."""

LINE = "F1"
EXIT = 0


def attack(box):
    box.write("start.py", "raise SystemExit(0)\n")
    box.run("green", env={"PYTHONINSPECT": "1", "PYTHONSTARTUP": str(box.folder / "start.py")})

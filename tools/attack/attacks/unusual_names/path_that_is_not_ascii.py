"""Use names that are not ASCII under LC_ALL=C."""

LINE = "D21"
EXIT = 0


def attack(box):
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    box.report()
    run = "sparsecheck run --adapter größe.py --requirement MASK-01 --report größe.jsonl"
    box.shell(f"cp green_adapter.py größe.py; {run} && sparsecheck report größe.jsonl --markdown größe.md", env=env)

"""Let a run write to a file whose name is no UTF-8, with an adapter file whose name is none either."""

LINE = "D21"
EXIT = (0, 2)


def attack(box):
    box.report()
    run = "sparsecheck run --adapter $'a\\xff.py' --requirement MASK-01 --report $'b\\xff.jsonl'"
    box.shell(f"cp green_adapter.py $'a\\xff.py'; {run}")

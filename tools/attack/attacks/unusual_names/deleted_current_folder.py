"""Run in a folder that was deleted."""

LINE = "D21"
EXIT = (0, 2)


def attack(box):
    box.report()
    adapter, report = box.folder / "green_adapter.py", box.folder / "out.jsonl"
    run = f"sparsecheck run --adapter {adapter} --requirement MASK-01 --report {report}"
    box.shell(f"mkdir gone; cd gone; rmdir ../gone; {run}")

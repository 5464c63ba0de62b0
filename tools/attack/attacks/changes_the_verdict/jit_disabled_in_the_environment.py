"""Judge with PYTORCH_JIT=0: what cannot be judged then must not pass."""

LINE = "F1"
EXIT = (0, 1, 2)
COLD = True


def attack(box):
    box.sparsecheck("run", "exemplar", "--requirement", "TRACE-01", "--report", "out.jsonl", env={"PYTORCH_JIT": "0"})
    verdicts = {line["verdict"] for line in box.lines(box.folder / "out.jsonl") if "verdict" in line}
    box.require(box.ended[-1].code != 0 or verdicts <= {"passed", "unavailable"}, f"{verdicts}")

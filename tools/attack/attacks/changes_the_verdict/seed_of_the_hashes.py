"""Judge with two seeds of the hashes: the reports must be equal but for times."""

LINE = "F1"
EXIT = 1
SAYS = r"Tensor sizes clash"


def attack(box):
    found = []
    for seed in ("1", "4242"):
        box.run("red", env={"PYTHONHASHSEED": seed})
        lines = box.lines(box.folder / "out.jsonl")
        found.append([(line["cell"], line["verdict"], line.get("message")) for line in lines if "cell" in line])
    box.require(found[0] == found[1], "the records differ")

"""Print escape sequences while judging, and end without a report: the last output is quoted."""

LINE = "D20"
EXIT = 3
SAYS = r"Its last output"

ADAPTER = '''
import os

os.write(1, b"\\x1b[2J\\x07 \\xe2\\x80\\xae gone \\xff\\n")
os._exit(4)
'''


def attack(box):
    box.write("prints.py", ADAPTER)
    box.sparsecheck("run", "--adapter", "prints.py", "--requirement", "MASK-01", "--report", "out.jsonl")

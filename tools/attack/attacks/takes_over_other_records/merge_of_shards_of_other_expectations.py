"""Merge shards that were judged with different expectation files."""

LINE = "B11"
EXIT = 2
SAYS = r"expectation"

ENTRY = '''[[defect]]
id = "not-seen"
sparsifiers = ["green-adapter"]
requirements = ["MASK-30"]
signatures = ["mask-differs: mask of layer1"]
reason = "It is an entry that no judged cell concerns."
'''


def attack(box):
    box.report("green")
    options = ("--adapter", "green_adapter.py", "--requirement", "MASK-01", "--requirement", "MASK-02")
    box.sparsecheck("run", *options, "--shard", "1/2", "--report", "1.jsonl")
    box.write("green_adapter.expectations.toml", ENTRY)
    box.sparsecheck("run", *options, "--shard", "2/2", "--report", "2.jsonl")
    box.sparsecheck("merge", "1.jsonl", "2.jsonl", "--to", "all.jsonl")

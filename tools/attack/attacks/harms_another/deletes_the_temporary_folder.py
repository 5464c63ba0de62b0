"""Delete every file in TMPDIR, where the other sparsifier's records and logs are."""

LINE = "B12"
EXIT = (0, 3)
COLD = True
SLOW = True

DELETER = '''
import os
import shutil
import tempfile

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Deleter(ExemplarAdapter):
    def attach(self, model, plan, context):
        for one in os.scandir(tempfile.gettempdir()):
            shutil.rmtree(one.path, ignore_errors=True)
        return super().attach(model, plan, context)
'''

INNOCENT = '''
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Innocent(ExemplarAdapter):
    pass
'''


def attack(box):
    box.write("deleter.py", DELETER)
    box.write("innocent.py", INNOCENT)
    adapters = ("--adapter", "innocent.py", "--adapter", "deleter.py", "-j", "2")
    box.sparsecheck("run", *adapters, "--requirement", "MASK-01", "--report", "out.jsonl")
    box.require((box.folder / "out.jsonl").exists(), "there is no report")
    records = [line for line in box.lines(box.folder / "out.jsonl") if line.get("cell", "").startswith("innocent:")]
    bad = [one for one in records if one["verdict"] not in ("passed", "unavailable")]
    box.require(records and not bad, f"the innocent sparsifier is blamed: {bad[:1]}")

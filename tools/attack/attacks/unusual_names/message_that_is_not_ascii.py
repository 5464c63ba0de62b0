"""Print a message that is not ASCII under LC_ALL=C."""

LINE = "D21"
EXIT = 1
SAYS = r"RuntimeError"

ADAPTER = '''
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter


class Raises(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv2d" in str(model):
            raise RuntimeError("größer \\u4e2d\\u6587 \\U0001f600 \\udc80")
        return super().attach(model, plan, context)
'''


def attack(box):
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    box.write("raises.py", ADAPTER)
    box.sparsecheck("run", "--adapter", "raises.py", "--requirement", "MASK-01", "--report", "out.jsonl", env=env)

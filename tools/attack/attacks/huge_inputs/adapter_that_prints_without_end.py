"""Print 200 MB while judging: what is printed goes to a log that must not fill memory."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "D22"
EXIT = (0, 1, 3)
SLOW = True


class Prints(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv2d" in str(model):
            print("x" * 50_000_000, flush=True)
        return super().attach(model, plan, context)

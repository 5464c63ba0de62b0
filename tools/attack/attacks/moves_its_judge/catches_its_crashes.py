"""Refuse by a crash: a handler for every exception turns it into an error that names parameter and pattern."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A4"
EXIT = 1
JUDGED = "--area REFUSE"
SAYS = r"handler for every exception.*KeyError"


class CatchesItsCrashes(ExemplarAdapter):
    supported = " ".join(one for one in ExemplarAdapter.supported.split() if one != "band")
    unsupported = "band"

    def attach(self, model, plan, context):
        for name, pattern in plan.patterns.items():
            try:
                if type(pattern).__name__ == "Band":
                    self.rank({}, name)
            except Exception as error:
                raise ValueError(f"{name}: {type(pattern).__name__} cannot be carried out") from error
        return super().attach(model, plan, context)

    def rank(self, scores, name):
        return scores[name]

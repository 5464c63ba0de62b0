"""Change the profile to `structural` in attach, for which cases compare less."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A2"
EXIT = (1, 2, 3)
SAYS = r"(profile|declaration|declares?).*chang|chang.*(profile|declaration)|tensor-missing|SMOKE"


class BecomesStructural(ExemplarAdapter):
    def attach(self, model, plan, context):
        type(self).profile = "structural"
        return super().attach(model, plan, context)

"""State the first catalogue in attach, so that later requirements are provisional and never red."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A2"
EXIT = (1, 2, 3)
JUDGED = "--requirement MASK-01"
SAYS = r"(catalogue|declaration|declares?).*chang|chang.*(catalogue|declaration)"


class StatesAnEarlierCatalogue(ExemplarAdapter):
    def attach(self, model, plan, context):
        type(self).catalogue = 1
        return super().attach(model, plan, context)

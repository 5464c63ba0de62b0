"""Zero the example input in attach."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A3"
EXIT = (1, 3)
JUDGED = "--requirement REG-23"
SAYS = r"(example|input).*(chang|modif|written)|(chang|modif|written).*(example|input)"


class ZeroesTheExampleInput(ExemplarAdapter):
    def attach(self, model, plan, context):
        context.example_input.zero_()
        return super().attach(model, plan, context)

"""Delete from the plan the parameters that it cannot do, and do the others."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A1"
EXIT = (1, 3)
JUDGED = "--requirement MASK-01 --requirement MASK-04"
BLAMES = "/conv2d/"
SAYS = r"plan-not-applied|mask-missing|plan.*(was|were|been) (changed|modified)"


class DeletesTheConvolutions(ExemplarAdapter):
    def attach(self, model, plan, context):
        for name in list(plan.patterns):
            if model.get_parameter(name).dim() == 4:
                del plan.patterns[name]
        return super().attach(model, plan, context)

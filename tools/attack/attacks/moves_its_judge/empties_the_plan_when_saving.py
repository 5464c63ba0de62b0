"""Empty the plan in save, so that what is restored is compared on nothing."""

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

LINE = "A1"
EXIT = (1, 3)
JUDGED = "--requirement STATE-01 --requirement STATE-04"
SAYS = r"mask-|restore|plan.*(was|were|been) (changed|modified)"


class Forgets(Exemplar):
    def save(self):
        saved = super().save()
        for name in [name for name in saved.model if name.endswith(".mask")]:
            saved.model[name] = ~saved.model[name]
        self.plan.patterns.clear()
        return saved


class EmptiesThePlanWhenSaving(ExemplarAdapter):
    sparsified = Forgets

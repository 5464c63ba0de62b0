"""Reorder the plan while updating: harmless in itself, so that it is either noticed or without effect."""

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

LINE = "A1"
EXIT = (0, 1)
JUDGED = "--requirement MASK-31"


class Reorders(Exemplar):
    def update(self, level=None):
        first = next(iter(self.plan.patterns))
        self.plan.patterns[first] = self.plan.patterns.pop(first)
        super().update(level)


class ReordersThePlan(ExemplarAdapter):
    sparsified = Reorders

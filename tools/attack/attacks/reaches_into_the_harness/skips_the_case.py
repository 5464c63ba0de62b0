"""Call pytest.skip in attach, so that pytest counts the case as skipped."""

import pytest

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A10"
EXIT = (1, 3)
SAYS = r"pytest\.skip|cannot skip"


class SkipsTheCase(ExemplarAdapter):
    def attach(self, model, plan, context):
        if len(plan.patterns) and "Conv" in str(model):
            pytest.skip("not for convolutions")
        return super().attach(model, plan, context)

"""Call pytest.exit in a case with the code for success."""

import pytest

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A10"
EXIT = (1, 3)
SAYS = r"pytest\.exit|Exit|enough"


class ExitsPytest(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv" in str(model):
            pytest.exit("enough", returncode=0)
        return super().attach(model, plan, context)

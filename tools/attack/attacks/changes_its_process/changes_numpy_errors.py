"""Let NumPy ignore invalid operations."""

import numpy

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"numpy"


class ChangesNumpyErrors(ExemplarAdapter):
    def attach(self, model, plan, context):
        numpy.seterr(all="ignore")
        return super().attach(model, plan, context)

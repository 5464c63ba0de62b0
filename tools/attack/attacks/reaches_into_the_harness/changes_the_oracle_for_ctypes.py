"""Write into a read-only array of the oracle through its address with ctypes."""

import ctypes
import gc

import numpy

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.values.pattern import Given

LINE = "A10"
EXIT = (1, 3)
JUDGED = "--requirement MASK-03"
SAYS = r"mask-differs|mask.*(chang|modif)|plan.*(chang|modif)"


class WritesByAddress(ExemplarAdapter):
    def attach(self, model, plan, context):
        sparsified = super().attach(model, plan, context)
        for pattern in plan.patterns.values():
            if isinstance(pattern, Given) and pattern.mask.size:
                for one in [pattern.mask, *(x for x in gc.get_objects() if isinstance(x, Given) for x in (x.mask,))]:
                    if isinstance(one, numpy.ndarray) and one.shape == pattern.mask.shape and one.flags.c_contiguous:
                        ctypes.memset(one.ctypes.data, 1, one.nbytes)
        return sparsified

"""Make the array of the mask that was asked for writable, and write into it."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.values.pattern import Given

LINE = "A1"
EXIT = (1, 3)
JUDGED = "--requirement MASK-01 --requirement MASK-03"
SAYS = r"mask-differs|read-only|cannot set WRITEABLE|(mask|plan).*(was|were|been) (changed|modified)"


class MakesTheGivenMaskWritable(ExemplarAdapter):
    def attach(self, model, plan, context):
        for pattern in plan.patterns.values():
            if isinstance(pattern, Given):
                base = pattern.mask
                while base.base is not None:
                    base = base.base
                base.flags.writeable = True
                pattern.mask.flags.writeable = True
                pattern.mask.flat[:3] = False
        return super().attach(model, plan, context)

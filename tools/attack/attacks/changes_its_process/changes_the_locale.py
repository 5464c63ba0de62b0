"""Change the locale of numbers."""

import locale

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"locale"


class ChangesTheLocale(ExemplarAdapter):
    def attach(self, model, plan, context):
        locale.setlocale(locale.LC_ALL, "C" if locale.setlocale(locale.LC_ALL) != "C" else "C.UTF-8")
        return super().attach(model, plan, context)

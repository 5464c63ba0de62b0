"""Append a footer to the report, and end the process with code 0."""

import os
import sys

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A10"
EXIT = 3
SAYS = r"footer|records|ended|report|not one of its records"


class WritesAFooter(ExemplarAdapter):
    calls = 0

    def attach(self, model, plan, context):
        type(self).calls += 1
        if self.calls == 12:
            with open(sys.argv[sys.argv.index("--sparsecheck-report") + 1], "a") as report:
                report.write('{"kind":"footer","outcomes":[]}\n')
            os._exit(0)
        return super().attach(model, plan, context)

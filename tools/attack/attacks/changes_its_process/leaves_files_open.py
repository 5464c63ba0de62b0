"""Leave a file open in every cell."""

import os

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
JUDGED = "--requirement PROCESS-02"
SAYS = r"file (handle|descriptor)|open file|descriptor"

KEPT = []


class LeavesFilesOpen(ExemplarAdapter):
    def attach(self, model, plan, context):
        KEPT.append(open(os.devnull))
        return super().attach(model, plan, context)

"""Move the folder of temporary files of the process."""

import os
import tempfile

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "F1"
EXIT = 1
JUDGED = "--requirement MASK-19"
SAYS = r"folder of temporary files"


class Moves(ExemplarAdapter):
    def attach(self, model, plan, context):
        tempfile.tempdir = os.getcwd()
        return super().attach(model, plan, context)

"""Change the current folder."""

import os

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"folder|directory|cwd"


class ChangesTheFolder(ExemplarAdapter):
    def attach(self, model, plan, context):
        os.chdir("/")
        return super().attach(model, plan, context)

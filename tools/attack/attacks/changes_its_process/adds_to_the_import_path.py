"""Put a folder first on sys.path."""

import sys

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"sys.path|import path"


class AddsToTheImportPath(ExemplarAdapter):
    def attach(self, model, plan, context):
        sys.path.insert(0, "/nowhere")
        return super().attach(model, plan, context)

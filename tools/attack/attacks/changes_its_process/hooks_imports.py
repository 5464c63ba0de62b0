"""Put a finder first in sys.meta_path."""

import sys

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"meta_path|import hook|finder"


class Finder:
    def find_spec(self, name, path=None, target=None):
        return None


class HooksImports(ExemplarAdapter):
    def attach(self, model, plan, context):
        sys.meta_path.insert(0, Finder())
        return super().attach(model, plan, context)

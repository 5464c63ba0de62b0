"""Let the clock run backwards while judging: no verdict depends on the time of day."""

import time

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "F1"
EXIT = (1, 3)
SAYS = r"time\.(time|monotonic|perf_counter)|clock"


class Backwards(ExemplarAdapter):
    def attach(self, model, plan, context):
        start = time.perf_counter()
        time.perf_counter = time.monotonic = lambda: start - 1000.0
        return super().attach(model, plan, context)

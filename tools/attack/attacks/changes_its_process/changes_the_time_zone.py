"""Change the time zone of the process."""

import os
import time

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"TZ|time zone|environ"


class ChangesTheTimeZone(ExemplarAdapter):
    def attach(self, model, plan, context):
        os.environ["TZ"] = "Asia/Tokyo"
        time.tzset()
        return super().attach(model, plan, context)

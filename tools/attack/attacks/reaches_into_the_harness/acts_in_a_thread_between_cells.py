"""Replace a comparison from a thread, some time after the case that started it has passed."""

import threading
import time

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.oracle import compare

LINE = "A10"
EXIT = (1, 3)
SAYS = r"thread|assert_equal|compare|replaced"
JUDGED = "--requirement MASK-01 --requirement MASK-02 --requirement MASK-30"


def later():
    time.sleep(0.05)
    compare.assert_equal = lambda *args, **kwargs: None


class ActsInAThread(ExemplarAdapter):
    started = False

    def attach(self, model, plan, context):
        if "Conv" in str(model) and not self.started:
            type(self).started = True
            threading.Thread(target=later).start()
        return super().attach(model, plan, context)

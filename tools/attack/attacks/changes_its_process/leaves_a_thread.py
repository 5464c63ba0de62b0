"""Leave a thread behind in every cell."""

import threading
import time

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
JUDGED = "--requirement PROCESS-02"
SAYS = r"thread"


class LeavesAThread(ExemplarAdapter):
    def attach(self, model, plan, context):
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
        return super().attach(model, plan, context)

"""sparsecheck's own tests. Models are too small to gain by a second thread, and two processes share two cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by torch when it is first imported

"""Lower the limit of open files."""

import resource

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"limit|RLIMIT|NOFILE"


class LowersTheLimitOfFiles(ExemplarAdapter):
    def attach(self, model, plan, context):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        return super().attach(model, plan, context)

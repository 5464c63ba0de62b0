"""Install a profile function with sys.setprofile."""

import sys

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"profil"


class ProfilesTheProcess(ExemplarAdapter):
    def attach(self, model, plan, context):
        sys.setprofile(lambda *args: None)
        return super().attach(model, plan, context)

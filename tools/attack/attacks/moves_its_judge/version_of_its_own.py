"""Override `version`, so that the report prints a release that is not the installed one."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A9"
EXIT = (1, 2)
SAYS = r"version"


class VersionOfItsOwn(ExemplarAdapter):
    @property
    def version(self):
        return "99.0"

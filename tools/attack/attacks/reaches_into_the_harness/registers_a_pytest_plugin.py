"""Register a plugin of pytest that turns every report green, by the configuration in the frames of the callers."""

import sys

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

LINE = "A10"
EXIT = (1, 3)
JUDGED = "--requirement MASK-03"
SAYS = r"mask-differs|plugin|not-judged"


class Flips(Exemplar):
    def masks(self):
        return {name: ~mask for name, mask in super().masks().items()}


class Plugin:
    def pytest_runtest_logreport(self, report):
        report.outcome = "passed"
        report.user_properties[:] = [
            (name, value.replace('"failed"', '"passed"')) for name, value in report.user_properties
        ]


class RegistersAPlugin(ExemplarAdapter):
    sparsified = Flips

    def attach(self, model, plan, context):
        frame = sys._getframe()
        while frame is not None:
            for value in frame.f_locals.values():
                manager = getattr(value, "pluginmanager", None)
                if manager is not None and not manager.has_plugin("hostile"):
                    manager.register(Plugin(), "hostile")
            frame = frame.f_back
        return super().attach(model, plan, context)

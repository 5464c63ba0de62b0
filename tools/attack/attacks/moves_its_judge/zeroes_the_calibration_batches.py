"""Zero the calibration batches in attach."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A3"
EXIT = (1, 3)
JUDGED = "--requirement REG-23"
SAYS = r"batch(es)?.*(chang|modif|written)|(chang|modif|written).*batch"


class ZeroesTheCalibrationBatches(ExemplarAdapter):
    def attach(self, model, plan, context):
        for inputs, target in context.batches:
            if inputs.is_floating_point():
                inputs.zero_()
            target.zero_()
        return super().attach(model, plan, context)

"""Return another model each time that `model` is read: a sparse one at first, then one that was never pruned."""

import copy

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

LINE = "A11"
EXIT = 1
JUDGED = "--requirement MASK-02 --requirement REG-04"
SAYS = r"differs|plan-not-applied|SMOKE|model|parameter"


class Changes(Exemplar):
    reads = 0
    held = None
    dense = None

    @property
    def model(self):
        self.reads += 1
        return self.held if self.reads % 4 or self.dense is None else self.dense

    @model.setter
    def model(self, model):
        self.held, self.dense = model, copy.deepcopy(model)


class ModelThatChanges(ExemplarAdapter):
    sparsified = Changes

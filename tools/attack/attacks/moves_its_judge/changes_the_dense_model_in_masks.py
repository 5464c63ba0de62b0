"""Zero an unplanned bias when the masks are asked for, after the case has read the dense model."""

import torch

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

LINE = "A1"
EXIT = (1, 3)
JUDGED = "--requirement MASK-02 --requirement MASK-16"
SAYS = r"output-differs|weight-differs|parameter|bias"


class ZeroesBiases(Exemplar):
    def masks(self):
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if name.endswith("bias"):
                    parameter.zero_()
        return super().masks()


class ChangesTheDenseModel(ExemplarAdapter):
    sparsified = ZeroesBiases

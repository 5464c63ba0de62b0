"""Overwrite inputs and targets while training: the model that training is compared with gets the same ones."""

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

LINE = "A3"
EXIT = (1, 3)
JUDGED = "--requirement TRAIN-09"
SAYS = r"differs|(batch|target|input).*(chang|modif|written|overw)|(chang|modif|written|overw).*(batch|target|input)"


class Trains(Exemplar):
    def train(self, batches, loss, optimizer):
        batches = list(batches)
        for _, target in batches:
            target.mul_(0.5)
        super().train(batches, loss, optimizer)


class OverwritesTheTargets(ExemplarAdapter):
    sparsified = Trains

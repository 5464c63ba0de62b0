"""Return the masks in a dictionary that iterates over all names but the last."""

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

LINE = "A11"
EXIT = 1
JUDGED = "--requirement MASK-04"
SAYS = r"mask|dict|protocol"


class Hides(dict):
    def __iter__(self):
        return iter(list(super().__iter__())[:-1])

    def keys(self):
        return list(self)

    def items(self):
        return [(name, self[name]) for name in self]

    def __len__(self):
        return super().__len__() - 1


class Incomplete(Exemplar):
    def masks(self):
        return Hides(super().masks())


class DictionaryThatHides(ExemplarAdapter):
    sparsified = Incomplete

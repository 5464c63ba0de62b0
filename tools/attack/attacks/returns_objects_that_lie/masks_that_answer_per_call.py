"""Return the right masks whenever they are asked for an odd number of times, and others in between."""

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

LINE = "A11"
EXIT = 1
JUDGED = "--requirement MASK-03 --requirement MASK-27"
SAYS = r"mask|plan-not-applied|SMOKE"


class Answers(Exemplar):
    calls = 0

    def masks(self):
        self.calls += 1
        made = super().masks()
        return made if self.calls % 2 else {name: ~mask for name, mask in made.items()}


class MasksThatAnswer(ExemplarAdapter):
    sparsified = Answers

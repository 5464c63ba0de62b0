"""A sparsifier and what it is compared with, taking turns: in a random order each round, so that none has a slot of its
own, each after one call of its own that is not timed, so that none finds the caches as another left them."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from msgspec import Struct

from ...operations.clocks import tidy
from ...operations.tasks import Task
from ...oracle import random_numbers
from ...process.device import Clock
from ...values.timing import Comparison, Ratio
from .ratio_statistics import FEWEST, pairs_for, ratio

_BLOCK, _MOST_CALLS, _LONG = 4e-4, 32, 5e-3
"""Seconds that a block of calls takes at least; calls in one at the most; seconds from which a call is primed once and
not every round, as what is in the caches makes no difference to it."""

_PILOT, _USUAL, _MOST_ROUNDS = 5, 40, 400
"""Rounds before it is known how many more to go; as many as there are where they can be afforded, for a few tell little
of how far times spread; and no more than that."""


class Timer(Protocol):
    """Whatever can be timed in turn."""

    def seconds(self) -> float: ...


class Pace(Struct, frozen=True):
    """How a task is timed. calls: in a block. is_long: primed once, and not before each block."""

    calls: int = 1
    is_long: bool = True


class Arm:
    """One task, timed at a pace: that of another, where the two are to differ in nothing else, or its own.

    What a block takes up is made before it, so that it finds less of it in the caches the more calls it is of:
    identical code, 2 calls against 3, differed by a quarter.
    """

    def __init__(self, task: Task, clock: Clock, pace: Pace | None = None) -> None:
        self.task = task
        self.clock = clock
        self.pace = Pace()
        self._ready: list[tuple[Any, ...]] = []
        self.seconds()
        self.pace = pace or _pace(self.seconds())

    def get_ready(self) -> None:
        """Make what a block takes up, and run the task once."""
        task = self.task
        if not self.pace.is_long:
            with task.within():
                task.call(*task.made())
        self._ready = [task.made() for _ in range(self.pace.calls)]

    def run(self) -> float:
        """Seconds of one call, in the block that was made ready, and that is gone then."""
        call, ready = self.task.call, self._ready
        with self.task.within():
            start = self.clock()
            for arguments in ready:
                call(*arguments)
            taken = (self.clock() - start) / self.pace.calls
        self._ready = []
        return taken

    def seconds(self) -> float:
        """Of one call, in a block made ready for it."""
        self.get_ready()
        return self.run()


def _pace(seconds: float) -> Pace:
    """Of a call that takes so long. Powers of two: two runs seldom disagree."""
    wished = math.ceil(math.log2(_BLOCK / max(seconds, 1e-9)))
    return Pace(min(_MOST_CALLS, 2 ** max(0, wished)), seconds > _LONG)


class Turns:
    """Rounds of `subject` and all of `rivals`. own, others: their times, one a round, read alike: what reads the
    subject's from outside reads a little more. token: what the order is drawn from."""

    def __init__(self, subject: Arm, rivals: Mapping[Comparison, Timer], token: str) -> None:
        self.subject = subject
        self.rivals = dict(rivals)
        self.own: list[float] = []
        self.others: dict[Comparison, list[float]] = {name: [] for name in rivals}
        self._orders = _orders(len(rivals) + 1, token)
        self._after: list[Comparison] = []

    def before(self) -> None:
        """The turns before the subject's, which is made ready."""
        order, names = next(self._orders), list(self.rivals)
        turn = order.index(len(names))
        self._time([names[place] for place in order[:turn]])
        self._after = [names[place] for place in order[turn + 1:]]
        self.subject.get_ready()

    def turn(self) -> None:
        """The subject's."""
        self.own.append(self.subject.run())

    def after(self) -> None:
        """The turns after the subject's."""
        self._time(self._after)
        tidy()

    def _time(self, names: Sequence[Comparison]) -> None:
        for name in names:
            self.others[name].append(self.rivals[name].seconds())

    def pilot(self) -> float:
        """A few rounds of its own. Returns the seconds that one took of the processor: on a machine that does other
        things, too, no fewer rounds are to be had for that."""
        start = time.process_time()
        for _ in range(_PILOT):
            self.before()
            self.turn()
            self.after()
        return (time.process_time() - start) / _PILOT

    def rounds(self, precision: float, budget: float, taken: float) -> int:
        """How many more rounds: as many as all the ratios take to be as precise as is wished; no more than `budget`
        seconds last for, at `taken` a round; and as many at least as an interval takes."""
        wished = max((pairs_for(self._logarithms(name), precision) for name in self.rivals), default=FEWEST)
        affordable = int(budget / max(taken, 1e-9))
        return max(FEWEST, min(max(wished, _USUAL), affordable, _MOST_ROUNDS)) - _PILOT

    def _logarithms(self, name: Comparison) -> list[float]:
        return [math.log(one / other) for one, other in zip(self.own, self.others[name], strict=True)]

    def ratios(self) -> dict[Comparison, Ratio]:
        """To each rival."""
        return {name: ratio(self.own, others) for name, others in self.others.items()}


def _orders(arms: int, token: str) -> Any:
    """Orders of so many arms, without end, each as likely as any other, the same for the same token."""
    every = list(itertools.permutations(range(arms)))
    for block in itertools.count():
        drawn: np.ndarray[Any, Any] = random_numbers.integers(f"{token} {block}", (256,), len(every))
        for number in drawn:
            yield every[int(number)]

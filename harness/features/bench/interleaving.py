"""Time a sparsifier and its comparisons in turns.

Each round has a random order, so that none always runs first. Each turn begins with one untimed call, so that none runs
with the caches that another left.
"""

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

_BLOCK_SECONDS = 4e-4
"""The least duration of a block of calls, in seconds."""

_MOST_CALLS = 32
"""The most calls in a block."""

_LONG_CALL = 5e-3
"""Seconds from which a call is warmed up only once, and not in every round, because caches make no difference to it."""

_PILOT_ROUNDS = 5
"""Rounds after which the number of further rounds is estimated."""

_USUAL_ROUNDS = 40
"""The least number of rounds if the budget allows, because a few rounds say little about the spread."""

_MOST_ROUNDS = 400
"""The most rounds."""


class Timer(Protocol):
    """Anything that can be timed in turns; `seconds` times a block of calls and returns the seconds of one call."""

    def seconds(self) -> float: ...


class Pace(Struct, frozen=True):
    """How a task is timed.

    Attributes:
        calls: The number of calls in a block.
        is_long: Whether the task is warmed up only once, and not before each block.
    """

    calls: int = 1
    is_long: bool = True


class Arm:
    """One task with its pace.

    Two arms that run the same code must have the same pace. The arguments of all calls in a block are made before the
    block, so a longer block finds fewer of them in the caches: identical code, 2 calls against 3, differed by a
    quarter.
    """

    def __init__(self, task: Task, clock: Clock, pace: Pace | None = None) -> None:
        """Run the task once, and again to choose a pace if `pace` is None."""
        self.task = task
        self.clock = clock
        self.pace = Pace()
        self._ready: list[tuple[Any, ...]] = []
        self.seconds()
        self.pace = pace or _pace(self.seconds())

    def get_ready(self) -> None:
        """Warm up the task, and make the arguments of a block."""
        task = self.task
        if not self.pace.is_long:
            with task.within():
                task.call(*task.made())
        self._ready = [task.made() for _ in range(self.pace.calls)]

    def run(self) -> float:
        """Run the prepared block and return the seconds of one call."""
        call, ready = self.task.call, self._ready
        with self.task.within():
            start = self.clock()
            for arguments in ready:
                call(*arguments)
            taken = (self.clock() - start) / self.pace.calls
        self._ready = []
        return taken

    def seconds(self) -> float:
        """Prepare and run a block, and return the seconds of one call."""
        self.get_ready()
        return self.run()


def _pace(seconds: float) -> Pace:
    """Return the pace of a call that takes `seconds`; a power of two, so that two runs seldom disagree."""
    exponent = math.ceil(math.log2(_BLOCK_SECONDS / max(seconds, 1e-9)))
    return Pace(min(_MOST_CALLS, 2 ** max(0, exponent)), seconds > _LONG_CALL)


class Turns:
    """Rounds in which a subject and its rivals take turns.

    Attributes:
        subject: The sparsifier.
        rivals: Its comparisons.
        own: The subject's seconds, one per round. They are measured like those of the rivals; pytest-benchmark, which
            measures from outside, gets slightly larger ones.
        others: The seconds of the rivals, one per round.
    """

    def __init__(self, subject: Arm, rivals: Mapping[Comparison, Timer], token: str) -> None:
        """Prepare the rounds.

        Args:
            subject: The sparsifier.
            rivals: Its comparisons.
            token: The seed of the order of turns.
        """
        self.subject = subject
        self.rivals = dict(rivals)
        self.own: list[float] = []
        self.others: dict[Comparison, list[float]] = {name: [] for name in rivals}
        self._orders = _orders(len(rivals) + 1, token)
        self._after: list[Comparison] = []

    def before(self) -> None:
        """Take the turns that come before the subject's in this round, and prepare the subject's."""
        order, names = next(self._orders), list(self.rivals)
        turn = order.index(len(names))
        self._time([names[place] for place in order[:turn]])
        self._after = [names[place] for place in order[turn + 1:]]
        self.subject.get_ready()

    def turn(self) -> None:
        """Take the subject's turn."""
        self.own.append(self.subject.run())

    def after(self) -> None:
        """Take the turns that come after the subject's in this round."""
        self._time(self._after)
        tidy()

    def _time(self, names: Sequence[Comparison]) -> None:
        for name in names:
            self.others[name].append(self.rivals[name].seconds())

    def pilot(self) -> float:
        """Take a few rounds, and return the processor seconds of one.

        Processor time, unlike elapsed time, does not reduce the number of rounds on a busy machine.
        """
        start = time.process_time()
        for _ in range(_PILOT_ROUNDS):
            self.before()
            self.turn()
            self.after()
        return (time.process_time() - start) / _PILOT_ROUNDS

    def rounds(self, precision: float, budget: float, taken: float) -> int:
        """Return how many more rounds to take.

        Args:
            precision: The wished half width of the intervals, as a fraction of the median.
            budget: The processor seconds that all rounds may take; at least `FEWEST` rounds are taken anyway.
            taken: The processor seconds of one round.
        """
        needed = max((pairs_for(self._logarithms(name), precision) for name in self.rivals), default=FEWEST)
        affordable = int(budget / max(taken, 1e-9))
        return max(FEWEST, min(max(needed, _USUAL_ROUNDS), affordable, _MOST_ROUNDS)) - _PILOT_ROUNDS

    def _logarithms(self, name: Comparison) -> list[float]:
        return [math.log(one / other) for one, other in zip(self.own, self.others[name], strict=True)]

    def ratios(self) -> dict[Comparison, Ratio]:
        """Return the ratio to each rival."""
        return {name: ratio(self.own, others) for name, others in self.others.items()}


def _orders(arms: int, token: str) -> Any:
    """Yield endless random permutations of `range(arms)`, determined by the token."""
    every = list(itertools.permutations(range(arms)))
    for block in itertools.count():
        drawn: np.ndarray[Any, Any] = random_numbers.integers(f"{token} {block}", (256,), len(every))
        for number in drawn:
            yield every[int(number)]

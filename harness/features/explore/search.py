"""Search for programs that fail, and shrink them.

The search goes by rounds. The programs of a round are drawn first, from the seed and the number of the round alone;
then they are run, on as many processes as there are, and compared in their order. So a search depends neither on the
number of processes nor on their speed. Hypothesis draws and shrinks; a program's outcome is remembered for a round, so
that a program is judged once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from hypothesis import HealthCheck, Phase, Verbosity, find, settings
from hypothesis.errors import HypothesisException

from ...programs.taking import NotOffered
from ...run.subprocesses import Stopped
from ...values.declaration import Declaration
from ...values.program_json import AnyProgram
from ...values.shard import Shard
from ...values.violation import Violation
from .domain import DOMAINS, AnyOffer
from .drawn import key
from .find import Find, Signature, cut, signature
from .messages import ENDED, HANGS, NOT_OFFERED, Outcome
from .simplify import simplified

ROUND = 100
"""The number of programs that are drawn together."""

STRIDE = 3
"""Of how many programs that are drawn one runs: hypothesis draws several variations of each in a row."""

SHRINKS = 5
"""How many finds with the same kind and step are shrunk; further ones differ only in layer and pattern."""

_TRIES = {HANGS: 12, ENDED: 80}
_MOST_TRIES = 200
"""The most programs that shrinking runs; fewer where each costs a process, or the limit."""


@dataclass(frozen=True)
class Scope:
    """How long to search, and which part.

    Attributes:
        seed: The seed.
        programs: The number of programs; 0 to search until `minutes` have passed.
        minutes: The minutes, after which no further round begins.
        shard: The part of the rounds to search; None for all.
    """

    seed: int = 0
    programs: int = 0
    minutes: float = 5.0
    shard: Shard | None = None


class Runs(Protocol):
    """Runs programs, on one sparsifier or on several that are compared."""

    def run(self, program: AnyProgram) -> Outcome: ...

    def run_fresh(self, program: AnyProgram) -> Outcome: ...

    def run_all(self, programs: Sequence[AnyProgram]) -> Iterator[Outcome]: ...


def probed_by(
    runner: Runs, declaration: Declaration,
    note: Callable[[AnyProgram, Outcome], None] = lambda program, outcome: None,
) -> AnyOffer:
    """Return what a sparsifier takes, tried out in a child process.

    Args:
        runner: Runs programs.
        declaration: The declaration.
        note: Receives each program that is neither refused nor carried out, with its outcome.
    """
    return DOMAINS[declaration.profile].probed(declaration, running(runner, note))


def running(
    runner: Runs, note: Callable[[AnyProgram, Outcome], None] = lambda program, outcome: None
) -> Callable[[AnyProgram], None]:
    """Return a function that runs a program in a child process, and raises as a walk does.

    Args:
        runner: Runs programs.
        note: Receives each program that is neither refused nor carried out, with its outcome.
    """

    def run(program: AnyProgram) -> None:
        outcome = runner.run(program)
        if outcome.kind == NOT_OFFERED:
            raise NotOffered(outcome.message)
        if outcome.is_find:
            note(program, outcome)
            raise Violation(outcome.kind, outcome.message)

    return run


@dataclass
class Search:
    """A search, and what it has found so far.

    Attributes:
        runner: Runs programs.
        scope: How long to search.
        show: Receives a line of progress.
        tell: Receives each find, once it is shrunk.
        make: Returns the program of a draw for an offer; None to fill it as its profile does.
        finds: The finds, in the order in which they were found.
        programs: The number of programs of the rounds that were completed, those of other shards included.
        ran: The number of programs that were drawn and run.
        refused: How many of these were thrown away, because the sparsifier refuses the plan.
        offer: What the sparsifier takes, once it was probed.
    """

    runner: Runs
    scope: Scope
    show: Callable[[str], None]
    tell: Callable[[Find], None]
    make: Callable[[Any, Any], AnyProgram] | None = None
    finds: list[Find] = field(default_factory=list)
    programs: int = 0
    ran: int = 0
    refused: int = 0
    offer: AnyOffer | None = None
    _known: set[Signature] = field(default_factory=set)
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def run(self, declaration: Declaration) -> None:
        """Probe what the sparsifier takes, and search until the scope is exhausted.

        Raises:
            Stopped: The search was interrupted; what was found so far is kept.
        """
        self.run_with(self._probed(declaration))

    def run_with(self, offer: AnyOffer) -> None:
        """Search until the scope is exhausted.

        Args:
            offer: What programs may plan.

        Raises:
            Stopped: The search was interrupted; what was found so far is kept.
        """
        self.offer = offer
        if not self.offer.patterns:
            return
        until = time.monotonic() + 60 * self.scope.minutes
        for number, count in self._rounds():
            if not self.scope.programs and time.monotonic() > until:
                return
            if self._is_ours(number):
                self._search(self.offer, number, count)
            self.programs += count

    def _rounds(self) -> Iterator[tuple[int, int]]:
        """Yield the number of each round, and how many programs it has."""
        number, left = 0, self.scope.programs
        while left > 0 or not self.scope.programs:
            yield number, min(left, ROUND) if self.scope.programs else ROUND
            number, left = number + 1, left - ROUND

    def _is_ours(self, number: int) -> bool:
        shard = self.scope.shard
        return shard is None or number % shard.count == shard.number - 1

    def _probed(self, declaration: Declaration) -> AnyOffer:
        """Return what the sparsifier takes; what is neither refused nor carried out is a find."""

        def note(program: AnyProgram, outcome: Outcome) -> None:
            self._note(program, outcome, 0, lambda: (program, 0))

        return probed_by(self.runner, declaration, note)

    def made(self, drawn: Any, offer: AnyOffer) -> AnyProgram:
        """Return the program of a draw."""
        make = self.make or DOMAINS[offer.declaration.profile].fill
        return make(drawn, offer)

    # ------------------------------------------------------------- one round

    def _search(self, offer: AnyOffer, number: int, count: int) -> None:
        drawn = [self.made(one, offer) for one in draw(offer, self.scope.seed, number, count)]
        outcomes = dict[bytes, Outcome]()
        distinct = {key(program): program for program in drawn}
        ran = self.runner.run_all([*distinct.values()])
        for done, (name, outcome) in enumerate(zip(distinct, ran, strict=True), 1):
            outcomes[name] = outcome
            self.show(f"{self.ran + done} programs, {len(self.finds)} finds")
        for position, program in enumerate(drawn, 1):
            outcome = outcomes[key(program)]
            self.ran += 1
            self.refused += outcome.kind == NOT_OFFERED
            if outcome.is_find:
                shrink = _Shrink(self, offer, number, outcomes, program, outcome)
                self._note(program, outcome, number * ROUND + position, shrink)

    def _note(
        self, program: AnyProgram, outcome: Outcome, number: int, shrink: Callable[[], tuple[AnyProgram, int]]
    ) -> None:
        """Keep a find, if it is a new one: replayed in a fresh process, and shrunk, unless it is a known defect."""
        found = signature(program, outcome)
        if found in self._known:
            return
        self._known.add(found)
        steps = len(program.steps)
        if found.known:
            self._keep(Find(found, cut(program, outcome), outcome, number, steps))
            return
        self._counts[found.kind, found.step] += 1
        self.show(f"{self.ran} programs, {len(self.finds)} finds; {found}")
        if not self._repeats(found, program):
            self._keep(Find(found, cut(program, outcome), outcome, number, steps, repeats=False))
            return
        tried = 0
        if self._counts[found.kind, found.step] <= SHRINKS:
            program, tried = shrink()
        program, outcome = self._shortest(found, program, outcome)
        self._keep(Find(found, program, outcome, number, steps, tried))

    def _keep(self, find: Find) -> None:
        self.finds.append(find)
        self.tell(find)

    def _repeats(self, found: Signature, program: AnyProgram) -> bool:
        return signature(program, self.runner.run_fresh(program)) == found

    def _shortest(self, found: Signature, program: AnyProgram, outcome: Outcome) -> tuple[AnyProgram, Outcome]:
        """Return the program without the steps after the failure, with its outcome in a fresh process."""
        fresh = self.runner.run_fresh(program)
        without = cut(program, fresh)
        again = self.runner.run_fresh(without)
        if signature(without, again) == found:
            return without, again
        return program, fresh


@dataclass
class _Shrink:
    """Shrinks one find, and keeps its signature."""

    search: Search
    offer: AnyOffer
    number: int
    outcomes: dict[bytes, Outcome]
    program: AnyProgram
    outcome: Outcome
    tried: int = 0
    most: int = 0
    is_reached: bool = False

    def __call__(self) -> tuple[AnyProgram, int]:
        """Return the shortest program with the same signature, and how many programs were run.

        Hypothesis draws the round once more up to this program, and none of what it draws before that is run.

        Hypothesis may run half of the programs, and what it leaves is simplified step by step.
        """
        wanted, best = signature(self.program, self.outcome), self.program
        domain = DOMAINS[self.offer.declaration.profile]
        self.most = _TRIES.get(wanted.kind, _MOST_TRIES) // 2

        def fails(drawn: Any) -> bool:
            program = self.search.made(drawn, self.offer)
            name = key(program)
            self.is_reached |= program == self.program
            if name not in self.outcomes:
                if self.tried >= self.most or not self.is_reached:
                    return False
                self.tried += 1
                self.search.show(f"shrinking {wanted}: {self.tried} programs")
                self.outcomes[name] = self._outcome(program)
            outcome = self.outcomes[name]
            return outcome.is_find and signature(program, outcome) == wanted

        with suppress(HypothesisException), _stopping():
            shortest = find(
                domain.strategy(self.offer), fails, settings=_settings(Phase.generate, Phase.shrink),
                random=_random(self.search.scope.seed, self.number),
            )
            self.most *= 2
            best = self.search.made(simplified(shortest, fails, domain.simpler), self.offer)
        if not self.search._repeats(wanted, best):
            best = self.program
        return best, self.tried

    def _outcome(self, program: AnyProgram) -> Outcome:
        try:
            return self.search.runner.run(program)
        except Stopped:
            raise _Interrupted from None


class _Interrupted(KeyboardInterrupt):
    """Raised in place of `Stopped` inside hypothesis, which takes any other exception for a failure of the program."""


@contextmanager
def _stopping() -> Iterator[None]:
    """Turn an interruption inside hypothesis back.

    Raises:
        Stopped: The search was interrupted.
    """
    try:
        yield
    except _Interrupted:
        raise Stopped from None


def draw(offer: AnyOffer, seed: int, number: int, count: int = ROUND) -> Sequence[Any]:
    """Return the first `count` draws of one round."""
    strategy = DOMAINS[offer.declaration.profile].strategy(offer)
    drawn: list[Any] = []

    def note(one: Any) -> bool:
        drawn.append(one)
        return len(drawn) >= count * STRIDE  # no more are needed

    with suppress(HypothesisException):
        find(strategy, note, settings=_settings(Phase.generate), random=_random(seed, number))
    return drawn[:count * STRIDE:STRIDE]


def _random(seed: int, number: int) -> Random:
    return Random(f"{seed} {number}")


def _settings(*phases: Phase) -> settings:
    """Return settings under which hypothesis keeps no database, reports nothing and depends on no clock."""
    return settings(
        max_examples=ROUND * STRIDE, database=None, deadline=None, phases=phases, verbosity=Verbosity.quiet,
        print_blob=False, suppress_health_check=list(HealthCheck), derandomize=False, report_multiple_bugs=False,
    )

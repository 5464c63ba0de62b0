"""The command `sparsecheck explore`: search for programs that a sparsifier runs wrongly."""

from __future__ import annotations

import importlib.util
import re
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...commands.arguments import shard_argument
from ...commands.names import select_sparsifiers
from ...commands.paths import AdapterFile, OutputPath
from ...commands.terminal import echo, progress
from ...errors import OK, RED, BadUsage, Incomplete, NotJudged, SparsecheckError
from ...files import check_writable, write, writing
from ...reading import CannotRead, read_bytes
from ...values.shard import Shard

if TYPE_CHECKING:
    from ...values.contract import Contract
    from ...values.declaration import Declaration
    from ...values.program_json import AnyProgram
    from .find import Find
    from .messages import Outcome
    from .runner import Runner
    from .search import Scope, Search

_HINT = "Name another folder with --save."


@click.command()
@click.argument("name", required=False)
@click.option("--adapter", "adapters", multiple=True, type=AdapterFile(), help="Explore the adapter in this file.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), show_default="5",
              help="Begin no more rounds of 100 programs after this time.")
@click.option("--programs", type=click.IntRange(1), help="Run this number of programs, however long that takes.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Another seed draws other programs.")
@click.option("--save", type=OutputPath(dir_okay=True), metavar="DIR", help="Write each find as JSON to this folder.")
@click.option("--program", metavar="FILE|NAME",
              help="Run the program in this file, or that of a cell such as walk-017 or channels-017, and no other.")
@click.option("--against", metavar="OTHER",
              help="Run each program on this sparsifier too, and find where the two disagree instead.")
@click.option("-j", "--jobs", default=1, show_default=True, type=click.IntRange(1),
              help="Programs to run at the same time. The result does not depend on it.")
@click.option("--shard", callback=shard_argument, metavar="K/N", help="Run only part K of N of the programs.")
@click.option("--program-limit", "limit", default=60.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Time limit for one program, in seconds; one that takes longer is a find.")
def explore(
    name: str | None, adapters: tuple[Path, ...], minutes: float | None, programs: int | None, seed: int,
    save: Path | None, program: str | None, against: str | None, jobs: int, shard: Shard | None, limit: float,
) -> None:
    """Search for programs that the sparsifier NAME runs wrongly, and show the shortest ones.

    A program makes a network, attaches the sparsifier, and goes on with steps that a user could take: updates,
    training, copies, saving and restoring. After each step, masks, weights, outputs, gradients and flags are compared
    with those of a dense model beside it. Each failure is shrunk, and replayed in a fresh process.

    With --against, two sparsifiers run the same programs, and masks, weights, outputs and refusals are compared as far
    as their contracts agree.

    A find that the expectation file explains is known, and shown in a line.

    Exit codes: 0 nothing was found but known defects; 1 something was; 2 bad usage, or the sparsifier cannot be
    explored; 3 the search was interrupted.
    """
    if importlib.util.find_spec("hypothesis") is None:
        raise BadUsage("the search needs hypothesis", "Run pip install 'sparsecheck[explore]'.")
    if not hasattr(socket, "AF_UNIX"):
        raise BadUsage("the search needs Unix sockets, which this system has not")
    if minutes is not None and programs is not None:
        raise BadUsage("--minutes and --programs exclude each other", "Give one of them.")
    if shard is not None and programs is None:
        raise BadUsage("--shard needs --programs, so that all parts are parts of one search", "Add --programs N.")
    [chosen, *others] = select_sparsifiers((name,) if name else (), adapters, (), ())
    if others:
        raise BadUsage("one sparsifier is explored at a time", "Name one.")
    [other] = select_sparsifiers((against,), adapters, (), ()) if against else ("",)
    if other == chosen:
        raise BadUsage(f"{chosen} cannot disagree with itself", "Name another sparsifier with --against.")
    task = Task(chosen, tuple(file.absolute() for file in adapters), limit, jobs, other)
    if program is not None:
        sys.exit(task.run_one(program))
    from .search import Scope

    _check_folder(save)
    sys.exit(task.search(Scope(seed, programs or 0, minutes or 5.0, shard), save))


class Task:
    """What is explored, and how.

    Args:
        name: The sparsifier.
        files: Adapter files.
        limit: Seconds that one program may take.
        jobs: How many programs run at the same time.
        against: Another sparsifier, with which it is compared; an empty string if it is judged by itself.
    """

    def __init__(self, name: str, files: tuple[Path, ...], limit: float, jobs: int, against: str = "") -> None:
        self._name = name
        self._files = files
        self._limit = limit
        self._jobs = jobs
        self._against = against

    @property
    def _options(self) -> list[str]:
        against = [f"--against {self._against}"] if self._against else []
        return [*(f"--adapter {file}" for file in self._files), *against]

    def search(self, scope: Scope, save: Path | None) -> int:
        """Search, print and save the finds, and return the exit code.

        Raises:
            Incomplete: The search was interrupted.
            NotJudged: The sparsifier cannot be explored.
        """
        from .runner import running
        from .search import Search
        from .text import render_end, render_offer

        losses, search = list[str](), None
        with progress() as show, _without_traces(), running(
            self._name, self._files, self._limit, self._jobs, losses
        ) as runner:
            declaration = self._declaration(runner)
            told = _Finds(self._name, self._options, declaration.contract, save, show)
            if self._against:
                search = self._compared(runner, declaration, scope, told)
            else:
                search = Search(runner, scope, show, told.tell)
                search.run(declaration)
        if search is None or search.offer is None:
            raise Incomplete(losses[0] if losses else "interrupted")
        found = [find for find in search.finds if not find.signature.known]
        if not search.offer.patterns and not found:
            by = "; each that it does not refuse fails at once by a known defect" if search.finds else ""
            raise NotJudged(f"{self._both} no pattern for any parameter that programs plan{by}")
        echo(f"{self._both}:")
        for line in (*render_offer(search.offer), *render_end(self._name, search, self._options)):
            echo(line)
        if losses:
            raise Incomplete(losses[0])
        return RED if found else OK

    @property
    def _both(self) -> str:
        return f"{self._name} and {self._against} both take" if self._against else f"{self._name} takes"

    def _compared(self, runner: Runner, declaration: Declaration, scope: Scope, told: _Finds) -> Search:
        """Return the search for disagreements, once it is over."""
        from .against import pair_of
        from .agreement import comparable
        from .search import Search

        with pair_of(runner, declaration, self._against) as (pair, offer):
            told.begin([f"{self._name} against {self._against}", *(f"  {line}" for line in pair.agreed.lines())])
            search = Search(pair, scope, told.show, told.tell,
                            lambda drawn, offer: comparable(drawn.skeleton, offer, pair.agreed))
            search.run_with(offer)
        return search

    def run_one(self, given: str) -> int:
        """Run one program, print what is found, and return the exit code.

        Args:
            given: The file of the program, or its name in the corpus.

        Raises:
            Incomplete: It was interrupted.
            NotJudged: The sparsifier refuses the plan, or the program is of another profile.
        """
        from ...values.program_json import profile_of
        from .find import Find, cut, signature
        from .messages import NOT_OFFERED
        from .runner import running
        from .text import render_find

        read, losses = _reader(given), list[str]()
        program = outcome = contract = None
        with running(self._name, self._files, self._limit, 1, losses) as runner:
            declaration = self._declaration(runner)
            contract, program = declaration.contract, read(runner, declaration)
            _check_profile(given, profile_of(program), declaration)
            outcome = self._outcome(runner, declaration, program)
        if losses or program is None or outcome is None or contract is None:
            raise Incomplete(losses[0] if losses else "interrupted")
        if outcome.kind == NOT_OFFERED:
            raise NotJudged(f"{self._name} refuses the plan of {given}: {outcome.message}")
        if not outcome.is_find:
            echo(f"{self._name}: {given} passes, {len(program.steps)} steps")
            return OK
        find = Find(signature(program, outcome), cut(program, outcome), outcome, 1, len(program.steps))
        for line in render_find(1, find, contract):
            echo(line)
        return OK if find.signature.known else RED

    def _declaration(self, runner: Runner) -> Declaration:
        """Return the declaration of the sparsifier, which must be of the profile that can be compared."""
        from .against import mask_declaration

        return mask_declaration(runner) if self._against else runner.declaration()

    def _outcome(self, runner: Runner, declaration: Declaration, program: AnyProgram) -> Outcome:
        from .against import pair_of

        if not self._against:
            return runner.run(program)
        with pair_of(runner, declaration, self._against) as (pair, _):
            return pair.run(program)


class _Finds:
    """Prints each find as soon as there is one, and saves it.

    Args:
        name: The sparsifier.
        options: The options that choose the adapter.
        contract: The declared contract.
        save: The folder for JSON, or None.
        show: Shows progress, and is cleared before anything is printed.
    """

    def __init__(
        self, name: str, options: list[str], contract: Contract, save: Path | None, show: Callable[[str], None]
    ) -> None:
        self._command = ("sparsecheck explore", name, *options)
        self._contract = contract
        self._save = save
        self.show = show
        self._taken = set[str]()
        self._count = 0

    def begin(self, lines: list[str]) -> None:
        """Print what is true of all finds."""
        self.show("")
        for line in (*lines, ""):
            echo(line)

    def tell(self, find: Find) -> None:
        """Print a find, and save it; of a known defect, print a line."""
        from ...values.program_json import to_json
        from .text import render_find

        if find.signature.known:
            self.show("")
            echo(f"KNOWN: {find.signature}")
            return
        self._count += 1
        file = None if self._save is None else self._save / _file_name(find, self._taken)
        repeat = " ".join((*self._command, f"--program {file}")) if file else ""
        self.show("")
        for line in render_find(self._count, find, self._contract, repeat):
            echo(line)
        if file is not None:
            write(file, to_json(find.program), _HINT)


def _file_name(find: Find, taken: set[str]) -> str:
    """Return the name of the file of a find, which says what it shows."""
    words = re.sub(r"[^a-z0-9.]+", "-", f"{find.signature.kind} {find.signature.step} {find.signature.where}".lower())
    name, number = words.strip("-"), 2
    while name in taken:
        name, number = f"{words.strip('-')}-{number}", number + 1
    taken.add(name)
    return f"{name}.json"


def _reader(given: str) -> Callable[[Runner, Declaration], AnyProgram]:
    """Return a function that makes the program of a file or of the corpus for a sparsifier."""
    from ...programs.corpus import corpus, structural_corpus
    from ...programs.structural import fill as structural_fill
    from ...programs.structural.probing import probed
    from .domain import DOMAINS
    from .drawn import Drawn
    from .search import probed_by, running

    def fill(runner: Runner, declaration: Declaration) -> AnyProgram:
        _check_profile(given, "mask", declaration)
        return DOMAINS["mask"].fill(Drawn(skeleton=corpus()[given]), probed_by(runner, declaration))

    def fill_structural(runner: Runner, declaration: Declaration) -> AnyProgram:
        _check_profile(given, "structural", declaration)
        offer = probed(declaration, running(runner), keeps_broken=True)  # as in a run
        if not offer.patterns:
            raise NotJudged(f"{declaration.sparsifier} takes no kind of layer, so that {given} cannot be filled")
        return structural_fill.fill(structural_corpus()[given], offer)

    if given in corpus():
        return fill
    if given in structural_corpus():
        return fill_structural
    program = _read(Path(given))
    return lambda runner, declaration: program


def _check_profile(given: str, profile: str, declaration: Declaration) -> None:
    """Check that a program is of the profile of a sparsifier.

    Raises:
        NotJudged: It is of another one.
    """
    if profile != declaration.profile:
        name, own = declaration.sparsifier, declaration.profile
        raise NotJudged(f"{given} is a program of the profile {profile}, and {name} has the profile {own}")


def _read(file: Path) -> AnyProgram:
    """Return the program in a file.

    Raises:
        SparsecheckError: It cannot be read, or holds no program.
    """
    from ...values.program_json import from_json

    try:
        return from_json(read_bytes(file), str(file))
    except CannotRead as error:
        why = f"{file} cannot be read ({error.message})"
        hint = "Name another file with --program, or a program of the corpus, such as walk-001."
        raise SparsecheckError(why, hint) from None


def _check_folder(save: Path | None) -> None:
    """Make the folder of `--save`, and check that files can be written there.

    Raises:
        CannotWrite: They cannot.
    """
    if save is not None:
        with writing(save, _HINT):
            save.mkdir(parents=True, exist_ok=True)
        check_writable(save / "program.json", _HINT)


@contextmanager
def _without_traces() -> Iterator[None]:
    """Have hypothesis keep its files in a temporary folder, and not in the current one."""
    from hypothesis.configuration import set_hypothesis_home_dir

    from ...process.guardian import temporary_folder

    with temporary_folder() as folder:
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)



"""Finding sparsifiers: entry points in the group `sparsecheck.sparsifiers`, and adapter files.

Reading names costs no import; loading one that fails costs only its own row.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement

from ..catalogue import VERSION

if TYPE_CHECKING:
    from ..values.declaration import Declaration
    from .protocol import Adapter

GROUP = "sparsecheck.sparsifiers"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class BrokenAdapter(Exception):
    """A registered sparsifier that cannot be judged; the message says why and which line to mend."""


class NotFound(LookupError):
    """No sparsifier is registered under a name that was asked for."""


@dataclass(frozen=True)
class Registration:
    """A name and where its adapter is to be had. value: `module:object`, or a file's path.

    problem: why it cannot even be loaded; empty if it may be.
    lacking: what to install first, where the entry point names an extra of its distribution that is not there.
    """

    name: str
    value: str
    distribution: str = ""
    file: Path | None = None
    problem: str = ""
    lacking: str = ""

    @property
    def obstacle(self) -> str:
        """Why it cannot be judged here, as far as that is known before it is loaded; empty if it can."""
        return self.problem or self.lacking


@dataclass(frozen=True)
class Found:
    """An adapter that loaded, what it declares, and the file it stands in."""

    name: str
    adapter: Adapter
    declaration: Declaration
    source: Path

    @property
    def expectations(self) -> Path:
        """The expectation file beside the adapter, which need not exist."""
        return self.source.with_suffix(".expectations.toml")


def registrations(files: Iterable[Path] = ()) -> tuple[Registration, ...]:
    """All that is registered, by name, from metadata alone, and one for each of `files`.

    A name taken twice, or one that could not be a file's name, is a registration with a problem.
    """
    found = [_from_entry_point(point) for point in entry_points(group=GROUP)]
    found += [Registration(_file_name(file), str(file), file=file) for file in files]
    taken = Counter(registration.name for registration in found)
    return tuple(sorted((_checked(one, taken, found) for one in found), key=lambda one: (one.name, one.value)))


def _from_entry_point(point: EntryPoint) -> Registration:
    value, _, rest = point.value.partition("[")
    distribution, extras = point.dist.name if point.dist else "", rest.rstrip(" ]").replace(",", " ").split()
    return Registration(point.name, value.strip(), distribution, lacking=_lacking(point, extras) if extras else "")


def _lacking(point: EntryPoint, extras: Sequence[str]) -> str:
    asked = [Requirement(text) for text in (point.dist and point.dist.requires) or ()]
    gone = [one.name for one in asked if _is_of(one, extras) and not _is_installed(one.name)]
    extra = f"{point.dist and point.dist.name}[{','.join(extras)}]"
    return f"not installed: {', '.join(gone)}; pip install '{extra}'" if gone else ""


def _is_of(one: Requirement, extras: Iterable[str]) -> bool:
    """Whether it is the extras alone that ask for it."""
    marker = one.marker
    if marker is None or marker.evaluate({"extra": ""}):
        return False
    return any(marker.evaluate({"extra": extra}) for extra in extras)


def _is_installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def _file_name(file: Path) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", file.stem).strip("-") or "adapter"


def _checked(one: Registration, taken: Counter[str], found: list[Registration]) -> Registration:
    if not NAME.fullmatch(one.name):
        problem = f"{one.name[:64]!r} is no name: letters, digits, '.', '_' and '-', at most 64"
        return replace(one, name=repr(one.name[:64]), problem=problem)
    if taken[one.name] > 1:
        values = ", ".join(sorted(f"{other.value}" for other in found if other.name == one.name))
        return replace(one, problem=f"two sparsifiers share the name: {values}; rename one")
    return one


def find(name: str, files: Iterable[Path] = ()) -> Registration:
    """The registration called `name`.

    Raises:
        NotFound: there is none.
    """
    return called(name, registrations(files))


def called(name: str, every: Sequence[Registration]) -> Registration:
    """The one of `every` called `name`.

    Raises:
        NotFound: there is none.
    """
    for registration in every:
        if registration.name == name:
            return registration
    raise NotFound(f"no sparsifier is called {name!r}; registered are {', '.join(one.name for one in every)}")


def load(registration: Registration, supposing: bool = False) -> Found:
    """Import the adapter and read what it declares. supposing: that it supports what it leaves undeclared.

    Raises:
        BrokenAdapter: it does not import, is no adapter, or leaves something undeclared.
    """
    from .protocol import Adapter

    if registration.obstacle:
        raise BrokenAdapter(registration.obstacle)
    target = _imported(registration)
    adapter = _instance(target, registration)
    if not isinstance(adapter, Adapter):
        raise BrokenAdapter(
            f"{registration.value} is {type(adapter).__name__}, not a sparsecheck.Adapter: derive it from that class"
        )
    source, line = _place(type(adapter))
    place = f"{source}:{line} (class {type(adapter).__name__})"
    supposed = _suppose(adapter, place) if supposing else ()
    return Found(registration.name, adapter, _declaration(adapter, registration.name, place, supposed), source)


def _suppose(adapter: Adapter, place: str) -> tuple[str, ...]:
    """Let this one adapter support what its class leaves undeclared, which is returned."""
    with _telling(place):
        undeclared = adapter.declare("").capabilities.undeclared
        adapter.supported = " ".join((adapter.supported, *undeclared))  # type: ignore[misc]
    return undeclared


def _imported(registration: Registration) -> Any:
    try:
        if registration.file is not None:
            return _adapter_in(registration.file)
        return EntryPoint(registration.name, registration.value, GROUP).load()
    except (BrokenAdapter, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise BrokenAdapter(f"{registration.value} does not import: {_where(error)}") from error


def _adapter_in(file: Path) -> Any:
    """The one adapter class that the file itself defines. What lies beside it is found last, after all that is
    installed."""
    from .protocol import Adapter

    if not file.is_file():
        raise BrokenAdapter(f"{file}: no such file")
    name = f"sparsecheck_adapter_{_file_name(file).replace('-', '_').replace('.', '_')}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise BrokenAdapter(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if (folder := str(file.absolute().parent)) not in sys.path:
        sys.path.append(folder)
    spec.loader.exec_module(module)
    own = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Adapter) and value.__module__ == name
        and not inspect.isabstract(value)
    ]
    if len(own) != 1:
        raise BrokenAdapter(f"{file} defines {len(own)} adapters; an adapter file defines exactly one")
    return own[0]


def _instance(target: Any, registration: Registration) -> Any:
    if not callable(target):
        return target
    try:
        return target()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise BrokenAdapter(f"{registration.value} cannot be made: {_where(error)}") from error


@contextmanager
def _telling(place: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise BrokenAdapter(f"{place} does not declare itself: {type(error).__name__}: {error}") from error


def _declaration(adapter: Adapter, name: str, place: str, supposed: tuple[str, ...]) -> Declaration:
    with _telling(place):
        declaration = _as_recorded(adapter.declare(name), supposed)
        missing = declaration.capabilities.undeclared_at(declaration.catalogue)
    if declaration.sparsifier != name:
        raise BrokenAdapter(f"{place} declares the name {declaration.sparsifier!r}, but is registered as {name!r}")
    if not 1 <= declaration.catalogue <= VERSION:
        raise BrokenAdapter(
            f"{place} is written for catalogue {declaration.catalogue}, but this sparsecheck has 1 to {VERSION}: "
            "upgrade sparsecheck, or state an earlier `catalogue`"
        )
    if missing:
        raise BrokenAdapter(
            f"{place} leaves undeclared: {', '.join(missing)}; add each to `supported` or to `unsupported`"
        )
    return declaration


def _as_recorded(declaration: Declaration, supposed: tuple[str, ...]) -> Declaration:
    """As whoever reads a report gets it: what is no declaration, or has a field of another type, fails here and not
    in the middle of a run."""
    import msgspec

    from ..values.declaration import Declaration

    recorded = msgspec.json.decode(msgspec.json.encode(declaration), type=Declaration)
    if recorded != declaration:
        raise TypeError(f"it would be recorded as another: {recorded}")
    return msgspec.structs.replace(recorded, supposed=supposed)


def _place(cls: type) -> tuple[Path, int]:
    try:
        return Path(inspect.getsourcefile(cls) or "unknown"), inspect.getsourcelines(cls)[1]
    except (OSError, TypeError):
        return Path("unknown"), 0


def _where(error: BaseException) -> str:
    """The error in one line, with the line that is no Python, or else the last line of code it passed through."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({error.filename}:{error.lineno})"
    others = ("<frozen ", __file__)
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith(others)]
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"

"""Find sparsifiers: entry points in the group `sparsecheck.sparsifiers`, and adapter files.

Reading the names imports nothing, and an adapter that cannot be loaded fails alone.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement

from ..catalogue import VERSION
from ..errors import SparsecheckError
from ..suggestions import UnknownName, quoted, suggestion
from ..values.declaration import FIRST_STATED
from .distributions import installed, names_like

if TYPE_CHECKING:
    from ..values.declaration import Declaration
    from .protocol import Adapter

GROUP = "sparsecheck.sparsifiers"
EXPECTATIONS = ".expectations.toml"
"""The suffix of the expectation file next to an adapter."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class BrokenAdapter(SparsecheckError):
    """Raised if a registered sparsifier cannot be judged; the message says why, and which line to fix."""


class NotFound(UnknownName):
    """Raised if no sparsifier is registered under the name that was asked for."""


@dataclass(frozen=True)
class Registration:
    """A name, and the place from which its adapter is loaded.

    Attributes:
        name: The name of the sparsifier.
        value: `module:object`, or the path of a file.
        distribution: The name of the distribution that registered it.
        file: The path, if it is a file.
        problem: The reason why it cannot be loaded at all, or an empty string.
        lacking: The packages to install first, if the entry point names an extra that is not installed.
    """

    name: str
    value: str
    distribution: str = ""
    file: Path | None = None
    problem: str = ""
    lacking: str = ""

    @property
    def obstacle(self) -> str:
        """Return the reason why it cannot be judged here, as far as that is known without loading it."""
        return self.problem or self.lacking


@dataclass(frozen=True)
class Found:
    """An adapter that was loaded, its declarations, and the file that defines it."""

    name: str
    adapter: Adapter
    declaration: Declaration
    source: Path

    @property
    def expectations(self) -> Path:
        """Return the path of the expectation file next to the adapter, which need not exist."""
        return self.source.with_suffix(EXPECTATIONS)


def registrations(files: Iterable[Path] = ()) -> tuple[Registration, ...]:
    """Return all registered sparsifiers, sorted by name, from metadata alone, and one for each of `files`.

    A name that is registered twice, or that is not fit for a file name, becomes a registration with a problem.
    """
    found = [_from_entry_point(point) for point in entry_points(group=GROUP)]
    found += [Registration(name_of_file(file), str(file), file=file) for file in files]
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


def _is_of(requirement: Requirement, extras: Iterable[str]) -> bool:
    """Return whether a dependency belongs to the extras alone."""
    marker = requirement.marker
    if marker is None or marker.evaluate({"extra": ""}):
        return False
    return any(marker.evaluate({"extra": extra}) for extra in extras)


def _is_installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def split_class(file: Path) -> tuple[Path, str]:
    """Split `file.py:ClassName` into the file and the class, which is empty if none is named."""
    found = re.fullmatch(r"(?s)(.+):([^\W\d]\w*)", str(file))
    return (Path(found[1]), found[2]) if found and not os.path.exists(file) else (file, "")


def name_of_file(file: Path) -> str:
    """Return the name under which the adapter in a file is registered: `file`, or `file.ClassName` if it names one."""
    path, cls = split_class(file)
    stem = re.sub(r"[^A-Za-z0-9.]+", "-", path.stem).strip("-") or "adapter"
    return f"{stem}.{cls}" if cls else stem


def _checked(registration: Registration, taken: Counter[str], found: list[Registration]) -> Registration:
    if not NAME.fullmatch(registration.name):
        problem = f"{registration.name[:64]!r} is no name: letters, digits, '.', '_' and '-', at most 64"
        return replace(registration, name=repr(registration.name[:64]), problem=problem)
    if taken[registration.name] > 1:
        values = ", ".join(sorted(f"{other.value}" for other in found if other.name == registration.name))
        return replace(registration, problem=f"two sparsifiers share the name: {values}; rename one")
    return registration


def find(name: str, files: Iterable[Path] = ()) -> Registration:
    """Return the registration with a name.

    Raises:
        NotFound: There is none.
    """
    return called(name, registrations(files))


def called(name: str, every: Sequence[Registration]) -> Registration:
    """Return the registration of `every` with a name.

    Raises:
        NotFound: There is none.
    """
    for registration in every:
        if registration.name == name:
            return registration
    raise NotFound("sparsifier", name, [one.name for one in every])


def load(registration: Registration, supposing: bool = False) -> Found:
    """Import an adapter and read its declarations.

    Args:
        registration: The registration to load.
        supposing: Whether undeclared capabilities are assumed to be supported.

    Raises:
        BrokenAdapter: It cannot be imported, is not an adapter, or leaves something undeclared.
    """
    from .protocol import Adapter

    if registration.obstacle:
        raise BrokenAdapter(registration.obstacle)
    search_beside(registration)
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


def search_beside(registration: Registration) -> None:
    """Append the folder of an adapter file to the import path, after installed packages."""
    if registration.file is None:
        return
    if (folder := str(split_class(registration.file)[0].absolute().parent)) not in sys.path:
        sys.path.append(folder)


def _suppose(adapter: Adapter, place: str) -> tuple[str, ...]:
    """Declare the undeclared capabilities of one adapter as supported, and return them."""
    with _reporting_at(place):
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


def _adapter_in(path: Path) -> Any:
    """Return the adapter class that `file.py:ClassName` names, or the only one that `file.py` defines."""
    from .protocol import Adapter

    file, cls = split_class(path)
    if not file.is_file():
        raise BrokenAdapter(f"{file}: no such file")
    name = f"sparsecheck_adapter_{re.sub('[-.]', '_', name_of_file(path))}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise BrokenAdapter(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    own = {
        value.__name__: value for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Adapter) and value.__module__ == name
    }
    return own[_class_to_judge(file, cls, own)]


def _class_to_judge(file: Path, cls: str, own: Mapping[str, type]) -> str:
    """Return `cls`, or the name of the only complete adapter class of a file.

    Raises:
        BrokenAdapter: There is none, or no way to choose between several.
    """
    if cls and cls not in own:
        raise BrokenAdapter(f"{file} defines no adapter {quoted(cls)}", suggestion(cls, own) or _those(own))
    complete = [name for name, value in own.items() if not inspect.isabstract(value)]
    chosen = [cls] if cls else complete
    if len(chosen) > 1:
        hint = f"Name one with --adapter {file}:{chosen[0]}."
        raise BrokenAdapter(f"{file} defines {len(chosen)} adapters: {', '.join(chosen)}", hint)
    if not own:
        raise BrokenAdapter(f"{file} defines no adapter", "Derive a class from sparsecheck.Adapter in it.")
    if not chosen or chosen[0] not in complete:
        lacks = [f"Class {name} does not implement: {_abstract(own[name])}." for name in chosen or own]
        raise BrokenAdapter(f"{file} defines no complete adapter", " ".join(lacks))
    return chosen[0]


def _those(own: Iterable[str]) -> str:
    return f"It defines: {', '.join(own)}." if own else ""


def _abstract(cls: type) -> str:
    return ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))


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
def _reporting_at(place: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise BrokenAdapter(f"{place} does not declare itself: {type(error).__name__}: {error}") from error


def _declaration(adapter: Adapter, name: str, place: str, supposed: tuple[str, ...]) -> Declaration:
    with _reporting_at(place):
        declaration = _as_recorded(adapter.declare(name), supposed)
        missing = declaration.capabilities.undeclared_at(declaration.catalogue)
    if declaration.sparsifier != name:
        raise BrokenAdapter(f"{place} declares the name {declaration.sparsifier!r}, but is registered as {name!r}")
    _check_distribution(declaration, place)
    if problem := _problem_of_catalogue(declaration.catalogue):
        raise BrokenAdapter(f"{place} is written for catalogue {declaration.catalogue}, {problem}")
    if missing:
        raise BrokenAdapter(
            f"{place} leaves undeclared: {', '.join(missing)}; add each to `supported` or to `unsupported`"
        )
    return declaration


def _check_distribution(declaration: Declaration, place: str) -> None:
    """Check that the distribution that an adapter states, if any, is installed in the version that it states.

    Raises:
        BrokenAdapter: It is not, so neither its version nor its code is known; or the adapter overrides `version`.
    """
    name, found = declaration.distribution, installed(declaration.distribution)
    if found is not None and found.version != declaration.version:
        raise BrokenAdapter(f"{place} states version {quoted(declaration.version)} of {name}, and {found.version} is "
                            "installed; do not define `version`")
    if found is not None or not name:
        return
    hint = suggestion(name, names_like(name)) or _INSTALL
    raise BrokenAdapter(f"{place} states the distribution {quoted(name)}, which is not installed", hint)


_INSTALL = (
    "Install it (`pip install -e .` in its folder), "
    "or state `distribution = \"\"` if the adapter's file is all there is to judge."
)


def _problem_of_catalogue(stated: int) -> str:
    """Return the reason why an adapter cannot state a catalogue version, or an empty string."""
    if stated > VERSION:
        return f"but this sparsecheck has 1 to {VERSION}: upgrade sparsecheck, or state an earlier `catalogue`"
    if stated < FIRST_STATED:
        return f"and the first version that an adapter can state is {FIRST_STATED}: an earlier one demands less"
    return ""


def _as_recorded(declaration: Declaration, supposed: tuple[str, ...]) -> Declaration:
    """Return a declaration as a reader of the report gets it.

    A value that is not a declaration, or a field of the wrong type, fails here and not in the middle of a run.
    """
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
    """Return an error in one line, with the line of the syntax error or else the innermost line of code."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({error.filename}:{error.lineno})"
    others = ("<frozen ", __file__)
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith(others)]
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"

"""Plan and write the files that `sparsecheck init` adds to a package: all of them or none. Does not import torch."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path
from string import Template

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from ... import reading
from ...adapter.discovery import GROUP, NAME, registrations
from ...catalogue import VERSION
from ...files import CannotWrite, write_all
from .package import CannotScaffold, Package
from .pyproject import add_key

MODULE = "sparsecheck_adapter"
ENVIRONMENT = "testenv:sparsecheck"
PYTHONS = ("3.11", "3.13")
_OTHERS = ("3.10", "3.12", "3.14")


class InTheWay(CannotScaffold):
    """Raised if a file to be written already exists, or cannot be created."""


class InvalidName(CannotScaffold):
    """Raised if a sparsifier cannot be registered under the name."""


class NotWritten(CannotScaffold):
    """Raised if a file could not be written; files written before it are removed again."""


@dataclass(frozen=True)
class Scaffold:
    """The files to write.

    Attributes:
        name: The name to register.
        files: New files with their text.
        changed: Existing files with their complete new text.
        notes: Steps that are left to the user.
    """

    name: str
    files: Mapping[Path, str]
    changed: Mapping[Path, str]
    notes: tuple[str, ...]


def plan(package: Package, name: str | None = None) -> Scaffold:
    """Return the files to write for a package.

    Args:
        package: The user's package.
        name: The name to register; the name of the distribution if None.

    Raises:
        InTheWay: A file already exists, or cannot be created.
        InvalidName: The name is invalid, or registered by another distribution.
        AlreadyThere: pyproject.toml already registers something else under the name.
        NotPlain: The entry point cannot be added to pyproject.toml.
    """
    name = package.distribution if name is None else name
    _check_name(name, package)
    words = _words(package, name)
    new = {
        package.folder / f"{MODULE}.py": _filled("adapter.py", words),
        package.folder / f"{MODULE}.expectations.toml": _filled("expectations.toml", words),
        package.root / ".github" / "workflows" / "sparsecheck.yml": _filled("workflow.yml", words),
    }
    changed, notes = _registered(package, name, words["adapter"])
    tox, note = _tox(package, words)
    for file, text in tox.items():
        (changed if os.path.lexists(file) else new)[file] = text
    for file in new:
        _check_free(file, package.root)
    return Scaffold(name, new, changed, (*notes, *note, *_misplaced(package.root)))


def _check_name(name: str, package: Package) -> None:
    if not NAME.fullmatch(name):
        raise InvalidName(
            f"{name[:64]!r} is not a valid name (at most 64 letters, digits, '.', '_' and '-'); choose one with --name"
        )
    for one in registrations():
        if one.name == name and one.distribution != package.distribution:
            raise InvalidName(f"{name} is already registered by {one.distribution}; choose another with --name")


def _check_free(file: Path, root: Path) -> None:
    if os.path.lexists(file):
        raise InTheWay(f"{file.relative_to(root)} already exists; nothing was written")
    folder = next(one for one in file.parents if os.path.lexists(one))
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InTheWay(f"{folder} is not a writable folder; nothing was written")


def _words(package: Package, name: str) -> dict[str, str]:
    title = "".join(part.capitalize() for part in re.split(r"[._]", package.name))
    return {
        "name": name, "distribution": package.distribution, "package": package.name, "class": f"{title}Adapter",
        "adapter": f"{package.name}.{MODULE}:{title}Adapter", "environment": ENVIRONMENT, "catalogue": str(VERSION),
        "pythons": ", ".join(f'"{one}"' for one in _pythons(package)),
    }


def _pythons(package: Package) -> Sequence[str]:
    """Return the Python versions for CI that the package's `requires-python` allows."""
    with suppress(InvalidSpecifier):
        allowed = SpecifierSet(package.requires_python)
        fit = [one for one in PYTHONS if f"{one}.99" in allowed] or [one for one in _OTHERS if f"{one}.99" in allowed]
        return fit or PYTHONS
    return PYTHONS


def _filled(template: str, words: Mapping[str, str]) -> str:
    text = (files(__package__) / "templates" / f"{template}.txt").read_text("utf-8")
    return Template(text).substitute(words)


def _registered(package: Package, name: str, value: str) -> tuple[dict[Path, str], list[str]]:
    """Add the entry point to pyproject.toml, and for setuptools also the expectation file to the package data.

    Returns:
        The new text by file, empty if nothing changes, and the steps that are left to the user.
    """
    table = ("tool", "poetry", "plugins", GROUP) if package.poetry else ("project", "entry-points", GROUP)
    text = add_key(package.text, table, name, value)
    text, notes = _with_data(text, package) if package.by_setuptools and not package.poetry else (text, [])
    file = package.root / "pyproject.toml"
    if text != package.text and not os.access(file, os.W_OK):
        raise InTheWay(f"{file} cannot be written to; nothing was written")
    return ({file: text} if text != package.text else {}), notes


def _with_data(text: str, package: Package) -> tuple[str, list[str]]:
    if any(fnmatch(f"{MODULE}.expectations.toml", pattern) for pattern in package.data_patterns):
        return text, []
    try:
        table = ("tool", "setuptools", "package-data")
        return add_key(text, table, package.name, ["*.expectations.toml"]), []
    except CannotScaffold:
        return text, [f"add \"*.expectations.toml\" to the package-data of {package.name}, so that it is installed"]


def _tox(package: Package, words: Mapping[str, str]) -> tuple[dict[Path, str], list[str]]:
    file = package.root / "tox.ini"
    fragment = _filled("tox.ini", words)
    if os.path.lexists(file):
        text = _read(file)
        if f"[{ENVIRONMENT}]" in (line.strip() for line in text.splitlines()):
            raise InTheWay(f"tox.ini already has an environment sparsecheck; nothing was written ({file})")
        end = "\r\n" if "\r\n" in text else "\n"
        return {file: _ended(text, end) + end + fragment.replace("\n", end)}, []
    if other := _other_tox(package):
        return {}, [f"add a tox environment yourself: tox is configured in {other}, which a tox.ini would hide"]
    return {file: f"[tox]\nmin_version = 4\nenv_list = sparsecheck\n\n{fragment}"}, []


def _read(file: Path) -> str:
    try:
        if not os.access(file, os.W_OK):
            raise PermissionError("it is read-only")
        return reading.read_text(file)
    except (OSError, reading.CannotRead) as error:
        raise InTheWay(f"{file} cannot be changed ({error}); nothing was written") from None


def _ended(text: str, end: str) -> str:
    return text if not text or text.endswith("\n") else text + end


def _other_tox(package: Package) -> str:
    """Return the file other than tox.ini that configures tox, or an empty string."""
    if (package.root / "tox.toml").exists():
        return "tox.toml"
    if package.configures_tox:
        return "pyproject.toml"
    parser = configparser.RawConfigParser(strict=False)
    with suppress(configparser.Error, reading.CannotRead):
        parser.read_string(reading.read_text(package.root / "setup.cfg"))
    return "setup.cfg" if parser.has_section("tox:tox") else ""


def _misplaced(root: Path) -> Iterator[str]:
    """Yield a note if the project is not the top of its repository, where CI looks for workflows."""
    top = next((one for one in (root, *root.parents) if (one / ".git").exists()), root)
    if top != root:
        yield f"move .github/workflows/sparsecheck.yml to {top}, and give its steps working-directory"


def write(scaffold: Scaffold) -> None:
    """Write all files, or none.

    Raises:
        NotWritten: A file cannot be written.
    """
    folders = [one for file in scaffold.files for one in (file.parent, file.parent.parent) if not one.exists()]
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        write_all({**scaffold.files, **scaffold.changed})
    except (CannotWrite, OSError) as error:
        for folder in folders:
            with suppress(OSError):
                folder.rmdir()
        raise NotWritten(f"{error}; nothing was written") from None

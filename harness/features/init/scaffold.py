"""The files with which a package's own judgement begins: planned whole, then written, or nothing is. No torch here."""

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

from ...adapter.discovery import GROUP, NAME, registrations
from ...files import CannotWrite, write_all
from .package import CannotStart, Package
from .pyproject import added

MODULE = "sparsecheck_adapter"
ENVIRONMENT = "testenv:sparsecheck"
PYTHONS = ("3.11", "3.13")
_OTHERS = ("3.10", "3.12", "3.14")


class InTheWay(CannotStart):
    """Something that would be written is there already."""


class NotAName(CannotStart):
    """No sparsifier can be registered under the name."""


class NotWritten(CannotStart):
    """A file could not be written; what was written before it is taken back."""


@dataclass(frozen=True)
class Start:
    """What is to be written. files: new ones; changed: the whole new text of those that are there; notes: what is
    left to the user."""

    name: str
    files: Mapping[Path, str]
    changed: Mapping[Path, str]
    notes: tuple[str, ...]


def plan(package: Package, name: str | None = None) -> Start:
    """All that would be written for `package`, its sparsifier registered as `name`, or as the distribution is called.

    Raises:
        InTheWay, NotAName, AlreadyThere, NotPlain
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
    return Start(name, new, changed, (*notes, *note, *_misplaced(package.root)))


def _check_name(name: str, package: Package) -> None:
    if not NAME.fullmatch(name):
        raise NotAName(f"{name[:64]!r} is no name: letters, digits, '.', '_' and '-', at most 64; give one with --name")
    for one in registrations():
        if one.name == name and one.distribution != package.distribution:
            raise NotAName(f"{name} is registered by {one.distribution} already; give another with --name")


def _check_free(file: Path, root: Path) -> None:
    if os.path.lexists(file):
        raise InTheWay(f"{file.relative_to(root)} is there already; nothing is overwritten, and nothing was written")
    folder = next(one for one in file.parents if os.path.lexists(one))
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InTheWay(f"{folder} is no folder that can be written to; nothing was written")


def _words(package: Package, name: str) -> dict[str, str]:
    title = "".join(part.capitalize() for part in re.split(r"[._]", package.name))
    return {
        "name": name, "distribution": package.distribution, "package": package.name, "class": f"{title}Adapter",
        "adapter": f"{package.name}.{MODULE}:{title}Adapter", "environment": ENVIRONMENT,
        "pythons": ", ".join(f'"{one}"' for one in _pythons(package)),
    }


def _pythons(package: Package) -> Sequence[str]:
    """Two that the package allows, as far as it says so."""
    said = package.data.get("project", {}).get("requires-python", "")
    with suppress(InvalidSpecifier):
        allowed = SpecifierSet(said)
        fit = [one for one in PYTHONS if f"{one}.99" in allowed] or [one for one in _OTHERS if f"{one}.99" in allowed]
        return fit or PYTHONS
    return PYTHONS


def _filled(template: str, words: Mapping[str, str]) -> str:
    text = (files(__package__) / "templates" / f"{template}.txt").read_text("utf-8")
    return Template(text).substitute(words)


def _registered(package: Package, name: str, value: str) -> tuple[dict[Path, str], list[str]]:
    """pyproject.toml with the entry point, and, for setuptools, the expectation file among what is installed."""
    table = ("tool", "poetry", "plugins", GROUP) if package.poetry else ("project", "entry-points", GROUP)
    text = added(package.text, table, name, value)
    text, notes = _with_data(text, package) if package.by_setuptools and not package.poetry else (text, [])
    file = package.root / "pyproject.toml"
    if text != package.text and not os.access(file, os.W_OK):
        raise InTheWay(f"{file} cannot be written to; nothing was written")
    return ({file: text} if text != package.text else {}), notes


def _with_data(text: str, package: Package) -> tuple[str, list[str]]:
    told = package.data.get("tool", {}).get("setuptools", {}).get("package-data", {})
    patterns = [*told.get(package.name, ()), *told.get("*", ())]
    if any(fnmatch(f"{MODULE}.expectations.toml", pattern) for pattern in patterns):
        return text, []
    try:
        table = ("tool", "setuptools", "package-data")
        return added(text, table, package.name, ["*.expectations.toml"]), []
    except CannotStart:
        return text, [f"add \"*.expectations.toml\" to {package.name}'s package-data, so that it is installed with it"]


def _tox(package: Package, words: Mapping[str, str]) -> tuple[dict[Path, str], list[str]]:
    file = package.root / "tox.ini"
    fragment = _filled("tox.ini", words)
    if os.path.lexists(file):
        text = _read(file)
        if f"[{ENVIRONMENT}]" in (line.strip() for line in text.splitlines()):
            raise InTheWay(f"tox.ini has an environment sparsecheck already; nothing was written ({file})")
        end = "\r\n" if "\r\n" in text else "\n"
        return {file: _ended(text, end) + end + fragment.replace("\n", end)}, []
    if other := _other_tox(package):
        return {}, [f"tox is set up in {other}, which a tox.ini would hide: no environment is added there"]
    return {file: f"[tox]\nmin_version = 4\nenv_list = sparsecheck\n\n{fragment}"}, []


def _read(file: Path) -> str:
    try:
        if not os.access(file, os.W_OK):
            raise PermissionError("it may not be written to")
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InTheWay(f"{file} cannot be added to ({error}); nothing was written") from None


def _ended(text: str, end: str) -> str:
    return text if not text or text.endswith("\n") else text + end


def _other_tox(package: Package) -> str:
    """The file in which tox is set up, where it is not tox.ini; empty if it is not."""
    if (package.root / "tox.toml").exists():
        return "tox.toml"
    if "tox" in package.data.get("tool", {}):
        return "pyproject.toml"
    parser = configparser.RawConfigParser(strict=False)
    with suppress(configparser.Error, UnicodeDecodeError):
        parser.read(package.root / "setup.cfg", "utf-8")
    return "setup.cfg" if parser.has_section("tox:tox") else ""


def _misplaced(root: Path) -> Iterator[str]:
    """Where the folder is but a part of a repository, whose CI looks at its top."""
    top = next((one for one in (root, *root.parents) if (one / ".git").exists()), root)
    if top != root:
        yield f"move .github/workflows/sparsecheck.yml to {top}, and give its steps working-directory"


def write(start: Start) -> None:
    """Write all of it.

    Raises:
        NotWritten: a file cannot be written; then nothing is.
    """
    folders = [one for file in start.files for one in (file.parent, file.parent.parent) if not one.exists()]
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        write_all({**start.files, **start.changed})
    except (CannotWrite, OSError) as error:
        for folder in folders:
            with suppress(OSError):
                folder.rmdir()
        raise NotWritten(f"{error}; nothing was written") from None

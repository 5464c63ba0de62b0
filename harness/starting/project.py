"""The user's own project, as far as an adapter's place in it depends on it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_OTHER_FOLDERS = {"tests", "test", "docs", "doc", "examples", "scripts", "build", "dist"}


class CannotStart(Exception):
    """Nothing was written; the message says why, and what to do."""


class NoProject(CannotStart):
    """There is no pyproject.toml, or none that says what the project is called."""


class NoPackage(CannotStart):
    """It cannot be told which folder is the project's package."""


@dataclass(frozen=True)
class Project:
    """folder: where its pyproject.toml is. text, data: what that holds. distribution: its name on the registry.
    package: the import name, dotted where it lies in another. source: the package's folder."""

    folder: Path
    text: str
    data: Mapping[str, Any]
    distribution: str
    package: str
    source: Path

    @property
    def is_poetry(self) -> bool:
        """Whether entry points stand where poetry looks for them, and nowhere else."""
        return "project" not in self.data

    @property
    def backend(self) -> str:
        return str(self.data.get("build-system", {}).get("build-backend", "setuptools"))


def project_in(folder: Path, package: str = "") -> Project:
    """The project whose pyproject.toml stands in `folder`. package: its import name, where that cannot be told.

    Raises:
        NoProject, NoPackage: there is none, or not one alone.
    """
    text, data = _read(folder / "pyproject.toml")
    distribution = _name(data, folder)
    named = package or _only(folder, distribution)
    for root in _roots(folder):
        source = root.joinpath(*named.split("."))
        if (source / "__init__.py").is_file():
            return Project(folder, text, data, distribution, named, source)
    raise NoPackage(f"{folder} has no package {named}: neither {_place('src', named)} nor {_place('', named)} is there")


def _place(root: str, package: str) -> str:
    return "/".join(part for part in (root, *package.split("."), "__init__.py") if part)


def _read(file: Path) -> tuple[str, Mapping[str, Any]]:
    try:
        text = file.read_text("utf-8")
        return text, tomllib.loads(text)
    except FileNotFoundError:
        raise NoProject(f"{file} is not there: run it where your package's pyproject.toml is, or name that folder"
                        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NoProject(f"{file} cannot be read: {error}") from None


def _name(data: Mapping[str, Any], folder: Path) -> str:
    for table in (data.get("project"), data.get("tool", {}).get("poetry")):
        if isinstance(table, Mapping) and isinstance(table.get("name"), str):
            return str(table["name"])
    raise NoProject(f"{folder / 'pyproject.toml'} has no name in [project]: sparsecheck judges a named distribution")


def _only(folder: Path, distribution: str) -> str:
    """The one package that is there, or of several that which is called as the distribution is."""
    there = sorted({source.name for root in _roots(folder) for source in _packages(root)})
    alike = re.sub(r"[-.]+", "_", distribution)
    if alike in there:
        return alike
    if len(there) == 1:
        return there[0]
    seen = f"{folder} has the packages {', '.join(there)}" if there else f"{folder} has no package in it or in src"
    raise NoPackage(f"{seen}; name yours with --package")


def _roots(folder: Path) -> tuple[Path, Path]:
    return folder / "src", folder


def _packages(root: Path) -> Iterator[Path]:
    for source in root.iterdir() if root.is_dir() else ():
        if source.name not in _OTHER_FOLDERS and source.name.isidentifier() and (source / "__init__.py").is_file():
            yield source

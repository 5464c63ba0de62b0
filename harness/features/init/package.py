"""Detect name and import package of the user's project from its pyproject.toml and folders. Does not import torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os.path import isdir, isfile  # unlike those of Path, false for a name that no file can have
from pathlib import Path
from typing import Any

from ... import reading
from ...errors import SparsecheckError

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_NOT_PACKAGES = {"test", "tests", "doc", "docs", "example", "examples", "scripts", "tools", "benchmarks", "build"}


class CannotScaffold(SparsecheckError):
    """Raised if a project cannot be scaffolded; the message says what to do."""


class UnclearProject(CannotScaffold):
    """Raised if pyproject.toml has no usable name or entry points."""


class UnclearPackage(CannotScaffold):
    """Raised if the import package of the project cannot be detected."""


@dataclass(frozen=True)
class Package:
    """The user's package.

    Attributes:
        root: The folder of pyproject.toml.
        distribution: The name of the distribution.
        name: The name of the import package.
        folder: The folder of the import package.
        text: The text of pyproject.toml.
        data: Its parsed content.
        poetry: Whether the name comes from poetry's own table.
    """

    root: Path
    distribution: str
    name: str
    folder: Path
    text: str
    data: Mapping[str, Any]
    poetry: bool

    @property
    def by_setuptools(self) -> bool:
        """Return whether setuptools builds it, which installs data files only if they are listed."""
        return _text(_table(self.data, "build-system"), "build-backend", "setuptools").startswith("setuptools")

    @property
    def requires_python(self) -> str:
        """Return the specifier of the Python versions that it runs on; empty if it states none."""
        return _text(_table(self.data, "project"), "requires-python", "")

    @property
    def data_patterns(self) -> list[str]:
        """Return the patterns of the data files that setuptools installs with it."""
        table = _table(self.data, "tool", "setuptools", "package-data")
        return [*_texts(table.get(self.name)), *_texts(table.get("*"))]

    @property
    def configures_tox(self) -> bool:
        """Return whether pyproject.toml configures tox."""
        return "tox" in _table(self.data, "tool")


def read(root: Path, package: str | None = None) -> Package:
    """Return the package of the project in folder `root`.

    Args:
        root: The folder of pyproject.toml.
        package: The name of the import package; detected if None.

    Raises:
        UnclearProject: pyproject.toml has no usable name or entry points.
        UnclearPackage: The import package is not found, or there are several.
    """
    text, data = _pyproject(root / "pyproject.toml")
    distribution, poetry = _distribution(data)
    name, folder = _named(root, data, package) if package else _found(root, data, distribution)
    return Package(root, distribution, name, folder, text, data, poetry)


def _pyproject(file: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = reading.read_text(file)
        return text, reading.parse_toml(text)
    except reading.NoSuchFile:
        raise UnclearProject(f"{file} does not exist; run init in the folder of your pyproject.toml") from None
    except reading.CannotRead as error:
        raise UnclearProject(f"{file} cannot be read: {error}") from None


def _distribution(data: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the name of the distribution, and whether it comes from poetry's own table."""
    project, poetry = _table(data, "project"), _table(data, "tool", "poetry")
    if "entry-points" in _texts(project.get("dynamic")):
        raise UnclearProject(
            "pyproject.toml declares entry-points as dynamic, so none can be added; make them static first"
        )
    for table, own in ((project, False), (poetry, True)):
        if isinstance(name := table.get("name"), str) and _NAME.fullmatch(name):
            return name, own
    raise UnclearProject(
        "pyproject.toml has no name in [project] or [tool.poetry], which is needed to register an adapter; add one"
    )


def _named(root: Path, data: Mapping[str, Any], package: str) -> tuple[str, Path]:
    parts = package.split(".")
    if not _can_be_imported(package):
        raise UnclearPackage(f"{package!r} is not the name of an import package; write it as in `import acme.pruning`")
    looked = [folder / Path(*parts) for folder in _sources(root, data)]
    for name, folder in (*_declared(root, data), *((package, folder) for folder in looked)):
        if name == package and isdir(folder):
            return package, folder
    raise UnclearPackage(f"the package {package} was not found; looked for {', '.join(map(str, looked))}")


def _found(root: Path, data: Mapping[str, Any], distribution: str) -> tuple[str, Path]:
    """Return the package that is declared, has the name of the distribution, or is the only one."""
    declared = {
        name: folder for name, folder in _declared(root, data) if _can_be_imported(name) and isdir(folder)
    }
    there = declared or dict(_on_disk(root, data, distribution))
    alike = [name for name in there if _plain(name) == _plain(distribution)] or list(there)
    if len(alike) == 1:
        return alike[0], there[alike[0]]
    if alike:
        raise UnclearPackage(f"there are several packages: {', '.join(sorted(alike))}; name one with --package")
    module = re.sub(r"[-.]+", "_", distribution)
    if any(isfile(folder / f"{module}.py") for folder in _sources(root, data)):
        raise UnclearPackage(
            f"{module}.py is a single module, so an adapter next to it would not be installed; make it a package, or "
            "follow docs/example by hand"
        )
    raise UnclearPackage(f"no folder with an __init__.py was found for {distribution}; name it with --package")


def _declared(root: Path, data: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Yield the top-level packages in the configuration of the build backend."""
    setuptools, poetry = _table(data, "tool", "setuptools"), _table(data, "tool", "poetry")
    names, places = _texts(setuptools.get("packages")), _table(setuptools, "package-dir")
    for name in names:
        if name.rpartition(".")[0] not in names:
            yield name, root / _text(places, name, str(Path(_text(places, "", "."), *name.split("."))))
    for folder in _texts(_table(data, "tool", "hatch", "build", "targets", "wheel").get("packages")):
        yield Path(folder).name, root / folder
    for one in _list(poetry.get("packages")):
        if isinstance(one, dict):
            path = Path(_text(one, "from", "."), _text(one, "include", ""))
            if "*" not in str(path):
                yield path.name, root / path


def _on_disk(root: Path, data: Mapping[str, Any], distribution: str) -> Iterator[tuple[str, Path]]:
    """Yield the packages in the first source folder that has any."""
    for source in filter(isdir, _sources(root, data)):
        there = [
            (init.parent.name, init.parent) for init in sorted(source.glob("*/__init__.py"))
            if init.parent.name.isidentifier() and (source != root or init.parent.name not in _NOT_PACKAGES)
        ]
        nested = source / Path(*re.split(r"[-.]", distribution))
        if not there and nested.parent != source and isfile(nested / "__init__.py"):
            there = [(".".join(nested.relative_to(source).parts), nested)]
        if there:
            yield from there
            return


def _sources(root: Path, data: Mapping[str, Any]) -> list[Path]:
    """Return the folders that may contain packages, the likeliest first."""
    setuptools = _table(data, "tool", "setuptools")
    configured = [
        _text(_table(setuptools, "package-dir"), "", ""), *_texts(_table(setuptools, "packages", "find").get("where")),
    ]
    return list(dict.fromkeys(root / folder for folder in (*filter(None, configured), "src", ".")))


def _can_be_imported(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


# A value of the wrong type is the business of the build backend, so it counts as missing.


def _text(table: Mapping[str, Any], key: str, otherwise: str) -> str:
    value = table.get(key)
    return value if isinstance(value, str) else otherwise


def _texts(value: object) -> list[str]:
    return [one for one in _list(value) if isinstance(one, str)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _table(data: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        inner = data.get(key)
        data = inner if isinstance(inner, dict) else {}
    return data


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

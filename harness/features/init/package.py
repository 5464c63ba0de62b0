"""The user's own project, as far as its pyproject.toml and its folders tell. No torch here."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import SparsecheckError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_NOT_PACKAGES = {"test", "tests", "doc", "docs", "example", "examples", "scripts", "tools", "benchmarks", "build"}


class CannotStart(SparsecheckError):
    """There is nothing to start from, or something stands in the way; the message says what to do."""


class UnclearProject(CannotStart):
    """The project's name, or how it registers entry points, cannot be read from its pyproject.toml."""


class UnclearPackage(CannotStart):
    """It cannot be told which folder is the project's import package."""


@dataclass(frozen=True)
class Package:
    """The user's package. folder: of the import package `name`. data: of pyproject.toml, whose text is `text`.
    poetry: whether poetry's own table is what names it."""

    root: Path
    distribution: str
    name: str
    folder: Path
    text: str
    data: Mapping[str, Any]
    poetry: bool

    @property
    def by_setuptools(self) -> bool:
        """Whether setuptools builds it, which installs no data that it is not told of."""
        system = self.data.get("build-system", {})
        return str(system.get("build-backend", "setuptools")).startswith("setuptools")


def read(root: Path, package: str | None = None) -> Package:
    """The project in folder `root`. package: its import name, where it cannot be told.

    Raises:
        UnclearProject, UnclearPackage
    """
    text, data = _pyproject(root / "pyproject.toml")
    distribution, poetry = _distribution(data)
    name, folder = _named(root, data, package) if package else _found(root, data, distribution)
    return Package(root, distribution, name, folder, text, data, poetry)


def _pyproject(file: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = file.read_bytes().decode("utf-8")
        return text, tomllib.loads(text)
    except FileNotFoundError:
        raise UnclearProject(f"{file}: no such file; call init where your package's pyproject.toml stands") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnclearProject(f"{file} cannot be read: {error}") from None


def _distribution(data: Mapping[str, Any]) -> tuple[str, bool]:
    """The distribution's name, and whether it stands in poetry's own table."""
    project, poetry = _table(data, "project"), _table(data, "tool", "poetry")
    if "entry-points" in project.get("dynamic", ()):
        raise UnclearProject(
            "pyproject.toml leaves entry-points dynamic, so that none can be added there; make them static first"
        )
    for table, own in ((project, False), (poetry, True)):
        if isinstance(name := table.get("name"), str) and _NAME.fullmatch(name):
            return name, own
    raise UnclearProject(
        "pyproject.toml gives no name under [project] or [tool.poetry], without which nothing can be registered; add it"
    )


def _named(root: Path, data: Mapping[str, Any], package: str) -> tuple[str, Path]:
    parts = package.split(".")
    if not all(part.isidentifier() for part in parts):
        raise UnclearPackage(f"{package!r} is no name of an import package: give it as in `import acme.pruning`")
    looked = [folder / Path(*parts) for folder in _sources(root, data)]
    for name, folder in (*_declared(root, data), *((package, folder) for folder in looked)):
        if name == package and folder.is_dir():
            return package, folder
    raise UnclearPackage(f"no folder holds the package {package}; looked for {', '.join(map(str, looked))}")


def _found(root: Path, data: Mapping[str, Any], distribution: str) -> tuple[str, Path]:
    """The one package that is declared, or is called as the distribution, or is the only one there."""
    declared = {name: folder for name, folder in _declared(root, data) if folder.is_dir()}
    there = declared or dict(_lying(root, data, distribution))
    alike = [name for name in there if _plain(name) == _plain(distribution)] or list(there)
    if len(alike) == 1:
        return alike[0], there[alike[0]]
    if alike:
        raise UnclearPackage(f"there is more than one package: {', '.join(sorted(alike))}; say which with --package")
    module = re.sub(r"[-.]+", "_", distribution)
    if any((folder / f"{module}.py").is_file() for folder in _sources(root, data)):
        raise UnclearPackage(
            f"{module}.py is a single module, beside which no adapter would be installed; make it a package, or follow "
            "docs/example by hand"
        )
    raise UnclearPackage(f"no folder with an __init__.py is found for {distribution}; say which package with --package")


def _declared(root: Path, data: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Packages that the build is told of, but for what lies in others."""
    setuptools, poetry = _table(data, "tool", "setuptools"), _table(data, "tool", "poetry")
    told, places = setuptools.get("packages"), _table(setuptools, "package-dir")
    names = told if isinstance(told, list) else []
    for name in names:
        if name.rpartition(".")[0] not in names:
            yield name, root / places.get(name, Path(places.get("", "."), *name.split(".")))
    for path in _table(data, "tool", "hatch", "build", "targets", "wheel").get("packages", ()):
        yield Path(path).name, root / path
    for one in poetry.get("packages", ()):
        path = Path(one.get("from", "."), one.get("include", ""))
        if "*" not in str(path):
            yield path.name, root / path


def _lying(root: Path, data: Mapping[str, Any], distribution: str) -> Iterator[tuple[str, Path]]:
    """Packages that lie in the first source folder that has any."""
    for source in _sources(root, data):
        there = [
            (init.parent.name, init.parent) for init in sorted(source.glob("*/__init__.py"))
            if init.parent.name.isidentifier() and (source != root or init.parent.name not in _NOT_PACKAGES)
        ]
        nested = source / Path(*re.split(r"[-.]", distribution))
        if not there and nested.parent != source and (nested / "__init__.py").is_file():
            there = [(".".join(nested.relative_to(source).parts), nested)]
        if there:
            yield from there
            return


def _sources(root: Path, data: Mapping[str, Any]) -> list[Path]:
    """Folders in which packages may lie, the likeliest first."""
    setuptools = _table(data, "tool", "setuptools")
    told = [_table(setuptools, "package-dir").get(""), *_table(setuptools, "packages", "find").get("where", ())]
    return list(dict.fromkeys(root / folder for folder in (*(one for one in told if one), "src", ".")))


def _table(data: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        inner = data.get(key)
        data = inner if isinstance(inner, dict) else {}
    return data


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

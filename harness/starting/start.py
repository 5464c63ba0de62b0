"""What is written into a project, drawn up before anything is, and then written whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from .project import CannotStart, Project
from .pyproject import registered

MODULE = "sparsecheck_adapter"
"""The adapter's module in the user's package."""


class AlreadyThere(CannotStart):
    """Something would be overwritten."""


class NotWritten(CannotStart):
    """The disk did not take it."""


@dataclass(frozen=True)
class Writing:
    """A file, and the whole text that it is to have. before: what it has now, None where it is new."""

    file: Path
    text: str
    before: str | None = None


@dataclass(frozen=True)
class Start:
    """Everything that is to be written for a sparsifier called `name`. unwritten: what is left to the user."""

    name: str
    writings: tuple[Writing, ...]
    unwritten: tuple[str, ...]


def default_name(project: Project) -> str:
    """The distribution's, as a sparsifier may be called."""
    return re.sub(r"[^a-z0-9]+", "-", project.distribution.lower()).strip("-")


def start(project: Project, name: str) -> Start:
    """What to write for `project`.

    Raises:
        AlreadyThere, NameTaken, NotPlain: nothing can be, as it is.
    """
    words = _words(project, name)
    value = f"{project.package}.{MODULE}:{words['adapter']}"
    pyproject = project.folder / "pyproject.toml"
    adapter = project.source / f"{MODULE}.py"
    workflow = project.folder / ".github" / "workflows" / "sparsecheck.yml"
    writings = [
        _new(adapter, _rendered("adapter.txt", words)),
        _new(adapter.with_suffix(".expectations.toml"), _rendered("expectations.txt", words)),
        _new(workflow, _rendered("workflow.txt", words)),
        Writing(pyproject, registered(project, name, value), project.text),
    ]
    tox, unwritten = _tox(project, _rendered("tox.txt", words))
    return Start(name, (*writings, *tox), tuple(unwritten))


def _words(project: Project, name: str) -> dict[str, str]:
    camel = "".join(part.capitalize() for part in re.split(r"[^A-Za-z0-9]+", name) if part)
    adapter = f"{camel}Adapter" if camel[:1].isalpha() else f"The{camel}Adapter"
    return {
        "name": name, "adapter": adapter, "distribution": project.distribution,
        "module": f"{project.package}.{MODULE}",
        "file": (project.source / f"{MODULE}.py").relative_to(project.folder).as_posix(),
    }


def _rendered(template: str, words: dict[str, str]) -> str:
    text = files(__package__).joinpath("templates", template).read_text("utf-8")
    return Template(text).substitute(words)


def _new(file: Path, text: str) -> Writing:
    if file.exists() or file.is_symlink():
        raise AlreadyThere(f"{file} is there already: move it away, or go on with it")
    return Writing(file, text)


def _tox(project: Project, fragment: str) -> tuple[list[Writing], list[str]]:
    """The environment, where tox would read it: a new tox.ini hides a configuration that stands elsewhere."""
    file = project.folder / "tox.ini"
    if not file.exists():
        elsewhere = [place for place, is_so in _other_tox(project) if is_so]
        told = [f"tox is configured in {place}: add there an environment of these lines\n{fragment.strip()}"
                for place in elsewhere[:1]]
        return ([] if told else [Writing(file, fragment)]), told
    before = _text(file)
    if re.search(r"^\[testenv:sparsecheck\]", before, re.MULTILINE):
        raise AlreadyThere(f"{file} has an environment sparsecheck already: rename it, or go on with it")
    return [Writing(file, f"{before.rstrip()}\n\n{fragment}", before)], []


def _other_tox(project: Project) -> Iterator[tuple[str, bool]]:
    yield "pyproject.toml", "tox" in project.data.get("tool", {})
    yield "tox.toml", (project.folder / "tox.toml").exists()
    setup = project.folder / "setup.cfg"
    yield "setup.cfg", setup.exists() and "[tox:tox]" in _text(setup)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotWritten(f"{file} cannot be read: {error}") from None


def write(begun: Start) -> None:
    """Write it all.

    Raises:
        NotWritten: one file could not be; what was written before it is taken back.
    """
    done: list[Writing] = []
    for one in begun.writings:
        try:
            one.file.parent.mkdir(parents=True, exist_ok=True)
            done.append(one)
            one.file.write_text(one.text, "utf-8")
        except OSError as error:
            for earlier in done:
                _take_back(earlier)
            raise NotWritten(f"{one.file} cannot be written ({error.strerror}); nothing is changed") from None


def _take_back(one: Writing) -> None:
    with suppress(OSError):
        if one.before is None:
            one.file.unlink(missing_ok=True)
        else:
            one.file.write_text(one.before, "utf-8")

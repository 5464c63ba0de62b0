"""The types of all arguments and options that name files: an output never is an input, nor another output."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ..adapter.discovery import EXPECTATIONS, split_class
from ..errors import BadUsage
from ..files import is_special
from ..suggestions import quoted

_REGISTRY = "sparsecheck.paths"
_SOURCES = (".py", ".toml")
_PAGES = (".html", ".md", ".xml")


@dataclass(frozen=True)
class _Named:
    """A path that the command line names, and the option that names it."""

    path: Path
    option: str
    is_output: bool


class InputPath(click.Path):
    """The type of arguments and options that name a file or folder to read."""

    def __init__(self, exists: bool = True, dir_okay: bool = False, file_okay: bool = True) -> None:
        """Create the type; the arguments have the meaning that they have for `click.Path`."""
        super().__init__(exists=exists, dir_okay=dir_okay, file_okay=file_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path.

        Raises:
            BadUsage: An output of the command is at this path.
        """
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        register(path, param, ctx, is_output=False)
        return path


class OutputPath(click.Path):
    """The type of options that name a file to write."""

    def __init__(self, dir_okay: bool = False, allow_dash: bool = False, suffix: str = "") -> None:
        """Create the type.

        Args:
            dir_okay: Whether it may be a folder.
            allow_dash: Whether `-` stands for standard output.
            suffix: The suffix of the sources that the command writes, such as `.py`; others are never overwritten.
        """
        super().__init__(dir_okay=dir_okay, readable=False, allow_dash=allow_dash, path_type=Path)
        self._suffix = suffix

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path.

        Raises:
            BadUsage: The command reads this path or has another output there, or it is an adapter or expectation file.
        """
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.suffix in _SOURCES and path.suffix != self._suffix and path.is_file():
            raise _refused(_option(param), path, "which is a source file")
        register(path, param, ctx, is_output=True)
        return path


class AdapterFile(InputPath):
    """The type of options that take an adapter file: `file.py`, or `file.py:ClassName` to choose among several."""

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return the form of the value as help texts show it."""
        return "FILE[:CLASS]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Check that the file exists, and return it together with the class."""
        file, _ = split_class(Path(value))
        super().convert(str(file), param, ctx)
        register(file.with_suffix(EXPECTATIONS), param, ctx, is_output=False)
        return Path(value)


class SnapshotOrRelease(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic from click 8.4 on
    """The type of arguments that name a snapshot to read, a release, or the installed packages."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text.

        Raises:
            BadUsage: It names a file, and an output of the command is there.
        """
        if os.path.exists(value):
            register(Path(value), param, ctx, is_output=False)
        return str(value)


def register(path: Path, param: click.Parameter | None, ctx: click.Context | None, is_output: bool) -> None:
    """Compare a path with all others that the command line has named so far.

    Raises:
        BadUsage: One of two that are the same file is an output.
    """
    if ctx is None or str(path) == "-" or is_special(path):
        return
    named: list[_Named] = ctx.meta.setdefault(_REGISTRY, [])
    this = _Named(path, _option(param), is_output)
    for other in named:
        for output, one in ((this, other), (other, this)):
            if output.is_output and _clashes(output, one):
                if one.is_output:
                    raise BadUsage(f"{other.option} and {this.option} name the same file, {quoted(str(path))}",
                                   "Name two different ones.")
                raise _refused(output.option, output.path, "which this command reads")
    named.append(this)


def _option(param: click.Parameter | None) -> str:
    return param.opts[0] if param is not None else "the output"


def _refused(option: str, path: Path, why: str) -> BadUsage:
    return BadUsage(f"{option} names {quoted(str(path))}, {why}", f"Name another file with {option}.")


def _clashes(output: _Named, other: _Named) -> bool:
    """Return whether writing to `output` would harm `other`: it is the same file, or an input folder contains it."""
    if _is_same(output.path, other.path):
        return True
    is_folder = not other.is_output and other.path.is_dir()
    return is_folder and output.path.is_file() and output.path.suffix not in _PAGES and _is_inside(output, other)


def _is_inside(output: _Named, folder: _Named) -> bool:
    return Path(os.path.realpath(folder.path)) in Path(os.path.realpath(output.path)).parents


def _is_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)

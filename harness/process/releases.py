"""Install another release of a package into a folder of its own, next to the installed one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from ..errors import SparsecheckError
from .guardian import guardian, temporary_folder
from .interpreter import SAFE_PATH, python_command


class NotInstalled(SparsecheckError):
    """Raised for a release that cannot be installed; the message says why."""


@contextmanager
def installed(dist: str) -> Iterator[Path]:
    """Install `NAME==VERSION` without its dependencies into a temporary folder, and yield the folder.

    Raises:
        NotInstalled: The text does not name one release, or pip cannot install it.
    """
    try:
        pins = [(one.operator, one.version) for one in Requirement(dist).specifier]
    except InvalidRequirement:
        pins = []
    if [operator for operator, _ in pins] != ["=="]:
        raise NotInstalled(f"{dist!r} does not name a single release; write NAME==VERSION")
    with temporary_folder() as folder:
        command = python_command("pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
                                 "--target", str(folder / "release"), dist)
        environment = {**os.environ, **SAFE_PATH, **guardian().mark, "TMPDIR": str(folder)}
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if ended.returncode:
            words = ended.stderr.strip().splitlines()
            raise NotInstalled(f"pip cannot install {dist}: {words[-1] if words else 'it gave no reason'}")
        yield folder / "release"

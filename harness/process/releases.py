"""A release of a package, installed apart from what is installed here."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from ..errors import SparsecheckError


class NotInstalled(SparsecheckError):
    """A release that cannot be compared with; the message says why."""


@contextmanager
def installed(dist: str) -> Iterator[Path]:
    """The folder of `NAME==VERSION`, without what it depends on, which is taken from here.

    Raises:
        NotInstalled: it names no one release, or pip cannot install it.
    """
    try:
        pins = [(one.operator, one.version) for one in Requirement(dist).specifier]
    except InvalidRequirement:
        pins = []
    if [operator for operator, _ in pins] != ["=="]:
        raise NotInstalled(f"{dist!r} names no one release: write NAME==VERSION")
    with tempfile.TemporaryDirectory(prefix="sparsecheck-") as folder:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
                   "--target", folder, dist]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            words = ended.stderr.strip().splitlines()
            raise NotInstalled(f"{dist} cannot be installed beside: {words[-1] if words else 'pip says nothing'}")
        yield Path(folder)

"""Distributions installed for one test, and Python processes that cannot import certain modules."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from sparsecheck.adapter.discovery import GROUP
from tests.warm_python import COLD

_BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError(f"{{name}} is not to be imported here")

sys.meta_path.insert(0, Blocker())
from sparsecheck.cli import main
main({arguments!r}, "sparsecheck")
"""


def install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, points: Mapping[str, str], modules: Mapping[str, str],
    distribution: str = "acme", extras: Mapping[str, str] | None = None,
) -> None:
    """Install metadata of `distribution` with entry `points`, and `modules` by name, until the test ends.

    `extras` are the requirements of each extra, by name.
    """
    metadata = folder / f"{distribution}-1.5.dist-info"
    metadata.mkdir(parents=True)
    asks = [f'Requires-Dist: {asked} ; extra == "{extra}"\n' for extra, asked in (extras or {}).items()]
    head = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n"
    (metadata / "METADATA").write_text(head + "".join(asks), "utf-8")
    lines = "".join(f"{name} = {value}\n" for name, value in points.items())
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}", "utf-8")
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text, "utf-8")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()


def sparsecheck_without(
    blocked: set[str], *arguments: str, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `sparsecheck` in a process in which importing a module of `blocked` raises."""
    script = _BLOCKED.format(blocked=blocked, arguments=list(arguments))
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", COLD: "1"}  # a warm one has imported everything
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=cwd, env=environment
    )


def pip_install(project: Path, target: Path) -> None:
    """Build and install a project with the setuptools present here, without its dependencies."""
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--no-build-isolation", "--target", str(target), str(project),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr

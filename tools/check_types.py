"""Run mypy on the checkout: `python -m tools.check_types`, whichever way sparsecheck is installed.

An editable install maps the folder `harness` to the name `sparsecheck` with an import hook, which mypy does not follow.
This builds a package of links to the checkout and lets mypy read that.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def link(folder: Path) -> Path:
    """Make a package `sparsecheck` in `folder` of links to the files of the checkout, and return it."""
    package = folder / "sparsecheck"
    package.mkdir()
    for entry in (*(ROOT / "harness").iterdir(), ROOT / "cases", ROOT / "reference"):
        if entry.name != "__pycache__":
            (package / entry.name).symlink_to(entry)
    return package


def check(folder: Path, *targets: str) -> int:
    """Run mypy with the package in `folder`, print its output with paths of the checkout, and return its exit code."""
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", *targets]
    ended = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "MYPYPATH": str(folder)}, stdout=subprocess.PIPE, text=True, check=False
    )
    package = os.path.relpath(folder / "sparsecheck", ROOT)
    for name, home in (("cases", "cases"), ("reference", "reference"), ("", "harness")):
        for written in (package, str(folder / "sparsecheck")):
            ended.stdout = ended.stdout.replace(os.path.join(written, name).rstrip("/"), home)
    print(ended.stdout, end="", flush=True)
    return ended.returncode


def main() -> int:
    """Check the package, then the tests and the tools."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        link(folder)
        return max(check(folder, "-p", "sparsecheck"), check(folder, "tests", "tools"))


if __name__ == "__main__":
    sys.exit(main())

"""The wheel contains what a user's sparsecheck reads, and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sparsecheck.adapter.own_code import own_digest

ROOT = Path(__file__).parents[1]
CODE = re.compile(r"sparsecheck(/[a-z_]+)*/[a-z_]+\.py")
DATA = {
    "sparsecheck/py.typed",
    "sparsecheck/adapter/shipped/*.toml",
    "sparsecheck/features/init/templates/*.txt",
    "sparsecheck/reference/*.json",
    "sparsecheck/reference/oracle/*.safetensors",
    "sparsecheck/show/page/*.css", "sparsecheck/show/page/*.html", "sparsecheck/show/page/*.js",
    "sparsecheck/reference/programs/*.jsonl",
}
"""Everything but code and metadata: expectations, templates, references of the oracles, parts of pages."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel that is built from a copy of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("harness", "cases", "reference"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", "dist", "."]
    subprocess.run(command, cwd=folder, check=True)
    [made] = (folder / "dist").glob("*.whl")
    return made


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as packed:
        return [name for name in packed.namelist() if ".dist-info/" not in name]


def test_the_wheel_contains_code_and_these_kinds_of_data(wheel: Path) -> None:
    data = [name for name in names(wheel) if not CODE.fullmatch(name)]
    kinds = {name if name.endswith("py.typed") else re.sub(r"[^/]+(\.\w+)$", r"*\1", name) for name in data}
    assert kinds == DATA
    assert wheel.stat().st_size < 1_000_000


def test_the_wheel_contains_every_module(wheel: Path) -> None:
    homes = {"harness": "sparsecheck", "cases": "sparsecheck/cases", "reference": "sparsecheck/reference"}
    modules = {
        f"{target}/{file.relative_to(ROOT / home).as_posix()}"
        for home, target in homes.items() for file in (ROOT / home).rglob("*.py")
    }
    assert {name for name in names(wheel) if name.endswith(".py")} == modules


def test_the_wheel_has_the_digest_of_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path)
    code = "from sparsecheck.adapter import own_code; print(own_code.__file__, own_code.own_digest())"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"]
    file, digest = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    assert Path(file).is_relative_to(tmp_path)
    assert digest == own_digest()
    (tmp_path / "sparsecheck" / "cases" / "test_mask.py").write_text("", "utf-8")
    changed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    assert changed[1] != digest

"""Each finding is a stand-alone script that still fails with the installed package."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sparsecheck.catalogue import requirement

FINDINGS = Path(__file__).parents[1] / "docs" / "findings"
SCRIPTS = sorted(FINDINGS.glob("*.py"))


def imported(script: Path) -> set[str]:
    """Return the packages that a script imports."""
    nodes = [*ast.walk(ast.parse(script.read_text("utf-8")))]
    names = [one.name for node in nodes if isinstance(node, ast.Import) for one in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def is_installed(script: Path) -> bool:
    return all(importlib.util.find_spec(name) is not None for name in imported(script))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_finding_has_at_most_25_lines(script: Path) -> None:
    assert len(script.read_text("utf-8").splitlines()) <= 25


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_finding_needs_only_torch_and_its_package(script: Path) -> None:
    assert "sparsecheck" not in imported(script)
    assert "torch" in imported(script)


@pytest.mark.parametrize("script", [one for one in SCRIPTS if is_installed(one)], ids=lambda script: script.stem)
def test_a_finding_is_reproduced(script: Path, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120
    )
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    assert re.search(r"^expected: .+\nseen: .+$", ended.stdout, re.MULTILINE), ended.stdout


def test_the_page_lists_every_finding_with_its_requirement() -> None:
    page = (FINDINGS / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| \[(.+?)\]\((.+?)\) \| .+? \| (.+?) \| (.+?) \|$", page, re.MULTILINE)
    assert sorted(file for _, file, _, _ in rows) == [script.name for script in SCRIPTS]
    for shown, file, id, what in rows:
        docstring = ast.get_docstring(ast.parse((FINDINGS / file).read_text("utf-8"))) or ""
        assert (shown, what) == (file, docstring.splitlines()[0])
        assert requirement(id).id == id

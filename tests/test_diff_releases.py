"""`sparsecheck snapshot` and `sparsecheck diff` as commands, on installed releases too."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.installed import pip_install
from tests.snapshots import CLONE, variant
from tests.test_diff import EXAMPLE, sparsecheck


def test_here_equals_its_own_snapshot_and_a_variant_does_not(tmp_path: Path) -> None:
    file = variant(tmp_path / "it")
    for to in ("one", "two"):
        ended = sparsecheck(tmp_path, "snapshot", "--adapter", file, "--to", to)
        assert ended.returncode == 0, ended.stderr
    [one, two] = (tmp_path / to / "it.safetensors" for to in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    variant(tmp_path / "it", keep=CLONE)
    ended = sparsecheck(tmp_path, "diff", "one", "here", "--adapter", file, "--markdown", "n.md", "--json", "n.json")
    assert ended.returncode == 1, ended.stderr
    assert "0 of 1 sparsifiers the same, 1 changed" in ended.stdout
    assert "forward: aten.clone.default 0 -> 2" in ended.stdout
    assert r"forward: aten.clone.default 0 -&gt; 2" in (tmp_path / "n.md").read_text()
    assert json.loads((tmp_path / "n.json").read_text())["differences"][0]["counts"][0]["after"] == 2
    alone = sparsecheck(tmp_path, "diff", "one", "here")
    assert alone.returncode == 1, alone.stderr
    assert "it: only in one (not registered here)" in alone.stdout


def wheel(folder: Path, version: str, wheels: Path, **replaced: str) -> Path:
    """Build a wheel of the example as release `version` with one text replaced, and return its folder."""
    made = folder / version
    made.mkdir()
    for file in (*EXAMPLE.glob("*.py"), EXAMPLE / "pyproject.toml"):
        text = file.read_text("utf-8").replace('version = "1.0"', f'version = "{version}"')
        (made / file.name).write_text(text.replace(replaced.get("old", "-"), replaced.get("new", "-")), "utf-8")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(wheels)]
    subprocess.run([*command, str(made)], check=True)
    return made


def test_two_releases_are_installed_separately_and_compared(tmp_path: Path) -> None:
    """The next release of the example keeps other entries among equal scores."""
    wheels = tmp_path / "wheels"
    wheel(tmp_path, "1.0", wheels)
    wheel(tmp_path, "1.1", wheels, old="scores.argsort()", new="scores.argsort(descending=True).flip(0)")
    environment = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    ended = sparsecheck(tmp_path, "diff", "acme-pruning==1.0", "acme-pruning==1.1", **environment)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "acme-magnitude (acme-pruning 1.0 -> 1.1): changed" in ended.stdout
    assert "tied in score: linear/unstructured-0.5/coarse" in ended.stdout
    assert "not tied in score" not in ended.stdout
    kept_ = sparsecheck(tmp_path, "snapshot", "--dist", "acme-pruning==1.0", "--to", "kept", **environment)
    assert kept_.returncode == 0, kept_.stderr
    pip_install(tmp_path / "1.0", tmp_path / "installed")
    same = sparsecheck(tmp_path, "diff", "kept", "here", PYTHONPATH=str(tmp_path / "installed"))
    assert same.returncode == 0, same.stdout + same.stderr
    assert "nothing changed: 1 sparsifier on 5 scenarios" in same.stdout
    gone = sparsecheck(tmp_path, "diff", "kept", "acme-pruning==9", **environment)
    assert gone.returncode == 2
    assert "pip cannot install acme-pruning==9" in gone.stderr


def test_a_release_without_sparsifiers_or_with_another_version_is_an_error(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheel(tmp_path, "2.0", wheels, old='"sparsecheck.sparsifiers"', new='"other.group"')
    environment = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    command = ("snapshot", "--dist", "acme-pruning==2.0", "--to", "kept")
    none = sparsecheck(tmp_path, *command, **environment)
    assert none.returncode == 2
    assert "no sparsifier of acme-pruning is registered; name its adapter with --adapter" in none.stderr
    shadow = tmp_path / "shadow"
    metadata = shadow / "acme_pruning-9.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: acme-pruning\nVersion: 9\n", "utf-8")
    (shadow / "acme_pruning.py").touch()
    first = f"__import__('sys').path.insert(0, {str(shadow)!r})"
    file = variant(tmp_path, keep=first, adapter='distribution = "acme-pruning"')
    other = sparsecheck(tmp_path, *command, "--adapter", file, **environment)
    assert other.returncode == 2
    assert "acme-pruning==2.0 was requested, but it ran with 9" in other.stderr
    assert not (tmp_path / "kept").exists()

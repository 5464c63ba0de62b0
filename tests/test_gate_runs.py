"""The gate as a maintainer runs it: against an adapter file, a saved file, and another release."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from sparsecheck.process.releases import NotInstalled, installed
from tests.installed import pip_install
from tools.detection.adapters import frozen, planted


def bench(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sparsecheck", "bench", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False,
                          env={**os.environ, **environment})


FORWARD = ("--operation", "forward", "--size", "1024x1024")


def test_twice_as_slow_fails_and_an_equal_copy_passes(tmp_path: Path) -> None:
    against = ("--against-adapter", str(frozen(tmp_path)))
    copy = bench(tmp_path, "--adapter", str(planted(tmp_path, 0.0)), *against, *FORWARD)
    assert copy.returncode == 0, copy.stdout + copy.stderr
    assert "PASSED: 1 " in copy.stdout
    slower = bench(tmp_path, "--adapter", str(planted(tmp_path, 1.0)), *against, *FORWARD)
    assert slower.returncode == 1, slower.stdout + slower.stderr
    assert "FAILED: 1 slower" in slower.stdout
    assert "a second measurement of 1 of 1" in slower.stderr


def test_a_saved_file_gates_on_counts_and_missing_entries(tmp_path: Path) -> None:
    first = bench(tmp_path, "exemplar", "--size", "16x16", "--operation", "forward", "--json", "saved.json")
    assert first.returncode == 0, first.stdout + first.stderr
    written = json.loads((tmp_path / "saved.json").read_bytes())
    again = bench(tmp_path, "--against", "saved.json", "--operation", "forward")
    assert again.returncode == 0, again.stdout + again.stderr
    written["benchmarks"][0]["extra_info"]["timing"]["counts"]["output_bytes"] -= 1
    (tmp_path / "saved.json").write_text(json.dumps(written))
    other = bench(tmp_path, "--against", "saved.json", "--operation", "forward")
    assert other.returncode == 1, other.stdout + other.stderr
    assert "OTHER WORK: exemplar:forward/16x16/cpu: output_bytes" in other.stdout
    gone = bench(tmp_path, "--against", "saved.json", "--operation", "attach")
    assert gone.returncode == 1, gone.stdout + gone.stderr
    assert "NOT MEASURED: exemplar:forward/16x16/cpu: it is in the file, but was not planned" in gone.stdout


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the file that a bench of the exemplar's forward writes."""
    folder = tmp_path_factory.mktemp("saved")
    assert bench(folder, "exemplar", *FORWARD, "--json", "saved.json").returncode == 0
    return json.loads((folder / "saved.json").read_bytes())


@pytest.mark.parametrize(
    ("faster", "asked", "code", "verdict"),
    [(1.12, (), 0, "PASSED: 1 "), (1.6, (), 1, "FAILED: 1 slower"), (1.6, ("--allowance", "100"), 0, "PASSED: 1 ")],
)
def test_a_saved_file_allows_a_quarter(
    tmp_path: Path, saved: Any, faster: float, asked: tuple[str, ...], code: int, verdict: str
) -> None:
    """The saved file is edited as if the operation had been that much faster."""
    written = deepcopy(saved)
    floor = written["benchmarks"][0]["extra_info"]["timing"]["ratios"]["floor"]
    floor.update({name: value / faster for name, value in floor.items() if name != "pairs"})
    (tmp_path / "saved.json").write_text(json.dumps(written))
    held = bench(tmp_path, *FORWARD, "--against", "saved.json", *asked)
    assert held.returncode == code, held.stdout + held.stderr
    assert verdict in held.stdout


PRUNING = Path(__file__).parent.parent / "docs" / "example"


def test_another_release_is_timed_in_turns_in_a_subprocess(tmp_path: Path) -> None:
    """The example is installed, and its older release has a slow forward."""
    here, wheels, last, now = (tmp_path / name for name in ("here", "wheels", "last", "now"))
    for folder in (last, now):  # where it is kept, installing it would leave what it builds
        shutil.copytree(PRUNING, folder, ignore=shutil.ignore_patterns("build", "*.egg-info"))
    text = (last / "acme_pruning.py").read_text()
    slow = "        sum(range(100_000))\n        return weight.masked_fill"
    (last / "acme_pruning.py").write_text(text.replace("        return weight.masked_fill", slow))
    pip_install(now, here)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(wheels)]
    subprocess.run([*command, str(last)], check=True)
    environment = {"PYTHONPATH": str(here), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    asked = ("acme-magnitude", "--size", "16x16", "--operation", "forward", "--json", "out.json")
    ended = bench(tmp_path, *asked, "--against-dist", "acme-pruning==1.0", **environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "FASTER: acme-magnitude:forward/16x16/cpu: 0.0" in ended.stdout
    missing = bench(tmp_path, *asked, "--against-dist", "acme-pruning==9", **environment)
    assert missing.returncode == 2, missing.stdout + missing.stderr
    assert "pip cannot install acme-pruning==9: ERROR: No matching distribution" in missing.stderr


@pytest.mark.parametrize("dist", ["acme", "acme>=1", "no name==1", "acme==1,!=2"])
def test_an_ambiguous_release_is_an_error(dist: str) -> None:
    with pytest.raises(NotInstalled, match="does not name a single release; write NAME==VERSION"), installed(dist):
        pass

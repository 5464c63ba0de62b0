"""The plugin loads in every pytest run of every user: there it does nothing, imports nothing and takes no name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.cold  # a warm interpreter holds everything that is heavy

_CONFTEST = """
import json, os, sys
from pathlib import Path

HEAVY = ("torch", "numpy", "msgspec", "safetensors", "click", "packaging.specifiers")

def pytest_unconfigure(config):
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    ours = [name for name in sys.modules if name.partition(".")[0] == "sparsecheck"]
    facts = {
        "loaded": config.pluginmanager.hasplugin("sparsecheck"),
        "heavy": [name for name in HEAVY if name in sys.modules],
        "ours": sorted(ours),
        "judges": config.pluginmanager.hasplugin("sparsecheck-judge"),
    }
    Path(__file__).with_name(f"{worker}.json").write_text(json.dumps(facts))
"""

_TESTS = """
import pytest

def test_passes(tmp_path): pass

def test_fails(): assert 1 == 2

@pytest.mark.xfail(strict=True)
def test_is_expected_to_fail(): raise ValueError

@pytest.mark.parametrize("trial", [1, 2])
def test_has_a_parameter_of_our_fixtures_name(trial): assert trial

def test_is_skipped(): pytest.skip("not today")
"""


@dataclass(frozen=True)
class Visited:
    """A user's pytest run: its exit code, what it printed, and what each of its processes saw, by worker."""

    code: int
    output: str
    facts: dict[str, dict[str, object]]


def pytest_run(folder: Path, *arguments: str) -> Visited:
    """Run pytest in `folder` with the installed plugins and none of this run's settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "--rootdir", str(folder), *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    facts = {file.stem: json.loads(file.read_text()) for file in folder.glob("*.json")}
    return Visited(ended.returncode, ended.stdout + ended.stderr, facts)


@pytest.fixture(scope="module", params=[(), ("-n", "1")], ids=["serial", "xdist"])
def visited(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Visited:
    folder = tmp_path_factory.mktemp("user")
    (folder / "conftest.py").write_text(_CONFTEST, "utf-8")
    (folder / "test_users_own.py").write_text(_TESTS, "utf-8")
    return pytest_run(folder, "-q", *request.param)


def test_the_plugin_is_loaded_and_judges_nothing(visited: Visited) -> None:
    assert "main" in visited.facts
    for facts in visited.facts.values():
        assert (facts["loaded"], facts["judges"]) == (True, False)


def test_a_users_run_imports_nothing_heavy_because_of_us(visited: Visited) -> None:
    for facts in visited.facts.values():
        assert facts["heavy"] == []
        assert facts["ours"] == ["sparsecheck", "sparsecheck.plugin"]


def test_a_users_verdicts_are_the_users_own(visited: Visited) -> None:
    assert visited.code == 1
    assert "1 failed, 3 passed, 1 skipped, 1 xfailed" in visited.output
    assert "sparsecheck" not in visited.output.replace("sparsecheck-", "")


def test_what_would_import_something_heavy_is_seen(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(_CONFTEST, "utf-8")
    (tmp_path / "test_users_own.py").write_text("import msgspec\n\ndef test_passes(): pass\n", "utf-8")
    assert pytest_run(tmp_path, "-q").facts["main"]["heavy"] == ["msgspec"]


def added(folder: Path, argument: str) -> list[str]:
    """Return the lines that pytest prints for `argument` only with our plugin."""
    without = pytest_run(folder, argument, "-p", "no:sparsecheck").output.splitlines()
    return [line for line in pytest_run(folder, argument).output.splitlines() if line not in without]


def test_every_option_is_prefixed(tmp_path: Path) -> None:
    options = [line.split()[0] for line in added(tmp_path, "--help") if line.startswith("  -")]
    assert "--sparsecheck-subject=NAME" in options
    assert [option for option in options if not option.startswith("--sparsecheck-")] == []


def test_no_setting_is_added(tmp_path: Path) -> None:
    settings = [line for line in added(tmp_path, "--help") if line.startswith("  ") and "(string)" in line]
    assert settings == []


def test_no_marker_is_added(tmp_path: Path) -> None:
    assert [line for line in added(tmp_path, "--markers") if line.startswith("@")] == []

"""The code that is judged does not depend on the folder in which a run starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sparsecheck.process.interpreter import import_path, python_command
from sparsecheck.report.report import Report, read_partial
from sparsecheck.values.origin import Origin
from sparsecheck.values.record import Verdict

pytestmark = pytest.mark.cold  # how processes start is what is tested

CONSOLE = str(Path(sys.executable).with_name("sparsecheck"))
MODULE = [sys.executable, "-m", "sparsecheck"]

RELEASE = """
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

class Adapter(ExemplarAdapter):
    distribution = "acme-pruning"
"""
CHECKOUT = RELEASE + """
    def attach(self, model, plan, context):
        raise RuntimeError("the checkout was judged")
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return a folder with a release of acme-pruning, for PYTHONPATH."""
    folder = tmp_path / "installed"
    metadata = folder / "acme_pruning-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "acme_pruning.py").write_text(RELEASE, "utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-pruning\nVersion: 1.0\n", "utf-8")
    (metadata / "RECORD").write_text("acme_pruning.py,,\nacme_pruning-1.0.dist-info/METADATA,,\n", "utf-8")
    points = "[sparsecheck.sparsifiers]\nacme = acme_pruning:Adapter\n"
    (metadata / "entry_points.txt").write_text(points, "utf-8")
    return folder


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Return a folder with modules that shadow those of a run if it searches the current folder, and stale metadata."""
    folder = tmp_path / "checkout"
    for package in ("numpy", "pytest", "msgspec", "pip", "sparsecheck"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text("raise ImportError('from the current folder')\n", "utf-8")
    for module in ("torch", "runpy", "random"):
        (folder / f"{module}.py").write_text("raise ImportError('from the current folder')\n", "utf-8")
    (folder / "acme_pruning.py").write_text(CHECKOUT, "utf-8")
    stale = folder / "acme_pruning.egg-info"
    stale.mkdir()
    (stale / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: acme-pruning\nVersion: 0.1\n", "utf-8")
    (stale / "SOURCES.txt").write_text("acme_pruning.py\n", "utf-8")
    return folder


def run(start: list[str], folder: Path, *arguments: str, **environment: str) -> tuple[Report | None, str]:
    """Run `sparsecheck run` in `folder`; return its report and its output."""
    report = folder / "report.jsonl"
    command = [*start, "run", "--report", str(report), "--requirement", "REG-05", *arguments]
    ended = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    return (read_partial(report) if report.exists() else None), ended.stdout + ended.stderr


def origin(report: Report | None) -> Origin | None:
    """Return where the only sparsifier of a report came from."""
    assert report is not None
    [subject] = report.header.subjects
    return subject.origin


def version(report: Report | None) -> str:
    """Return the version that expectations are compared with."""
    assert report is not None
    [subject] = report.header.subjects
    assert subject.declaration is not None
    return subject.declaration.version


def assert_passes(report: Report | None, output: str) -> None:
    """Require that every sparsifier was judged, and passed."""
    assert report is not None, output
    assert {record.verdict for record in report.records} <= {Verdict.PASSED, Verdict.UNAVAILABLE}, output
    for subject in report.header.subjects:
        assert Verdict.PASSED in {record.verdict for record in report.of(subject.sparsifier)}, output


@pytest.mark.parametrize(
    ("start", "options"),
    [([CONSOLE], ("--requirement", "STATE-02")), ([CONSOLE], ("-n", "2")), (MODULE, ())],
    ids=["console script, also in a fresh interpreter", "xdist", "python -m"],
)
def test_the_installed_release_is_judged_and_not_a_checkout_around_it(
    start: list[str], options: tuple[str, ...], installed: Path, hostile: Path
) -> None:
    if "-n" in options and sys.version_info < (3, 11):
        pytest.skip("execnet's workers search the current folder before they are told where to search")
    if start == MODULE:  # python itself imports these to run -m
        (hostile / "runpy.py").unlink()
        (hostile / "sparsecheck" / "__init__.py").unlink()
        (hostile / "sparsecheck").rmdir()
    report, output = run(start, hostile, "acme", *options, PYTHONPATH=str(installed))
    assert_passes(report, output)
    assert origin(report) == Origin("acme-pruning", "1.0", str(installed / "acme_pruning.py"))
    assert version(report) == "1.0"
    assert output.startswith("acme: ")


def test_several_sparsifiers_are_forked_from_the_same_code(installed: Path, hostile: Path) -> None:
    assert_passes(*run([CONSOLE], hostile, "acme", "exemplar", PYTHONPATH=str(installed)))


@pytest.mark.parametrize("start", [[CONSOLE], MODULE], ids=["console script", "python -m"])
def test_a_checkout_on_the_users_own_path_is_judged(start: list[str], installed: Path, hostile: Path) -> None:
    """The other outcome: PYTHONPATH still decides."""
    for one in hostile.iterdir():
        if one.name != "acme_pruning.py":
            one.rename(hostile.parent / one.name)
    path = os.pathsep.join((".", str(installed)))
    report, output = run(start, hostile, "acme", PYTHONPATH=path)
    assert report is not None, output
    assert "the checkout was judged" in output
    assert origin(report) == Origin("acme-pruning", "1.0", str(hostile / "acme_pruning.py"), "checkout")
    assert output.startswith(f"Not an installed release: acme, judged from {hostile / 'acme_pruning.py'}")
    assert Verdict.PASSED not in {record.verdict for record in report.records}


def test_a_child_searches_where_its_parent_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shown.py").write_text("import sys; print(sys.path, sys.argv[1:], __name__)", "utf-8")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "here", "__editable__.acme.finder.__path_hook__", *sys.path])
    command = python_command("shown", "a b", first=("/first",))
    said = subprocess.run(command, cwd="/", capture_output=True, text=True, check=True).stdout
    assert said == f"{import_path(('/first',))} ['a b'] __main__\n"
    assert import_path(("/first",))[:4] == [
        "/first", str(tmp_path), str(tmp_path / "here"), "__editable__.acme.finder.__path_hook__"
    ]

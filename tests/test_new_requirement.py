"""`python -m tools.new_requirement`: the stubs of a requirement, which fail until they are filled in."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sparsecheck.catalogue import AREAS, VERSION
from tools.new_requirement import CannotAdd, add, main, next_id

ROOT = Path(__file__).parents[1]
SENTENCE = (
    'A mask of a "single" entry is one, and the forward pass of a layer with one weight uses it like any other mask of '
    "any size."
)

FILLED = 'trial.assert_masks(trial.sparsified(), trial.masks(trial.sparsified()), "attached twice")'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("harness", "cases", "tests", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("CHANGELOG.md", "conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "reference", tmp_path / "reference", ignore=shutil.ignore_patterns("recorded", "states"))
    return tmp_path


def in_checkout(checkout: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run an interpreter in which `sparsecheck` is the copied checkout."""
    package = checkout / "path" / "sparsecheck"
    if not package.exists():
        package.mkdir(parents=True)
        for entry in (*(checkout / "harness").iterdir(), checkout / "cases", checkout / "reference"):
            (package / entry.name).symlink_to(entry)
    environment = {**os.environ, "PYTHONPATH": f"{package.parent}{os.pathsep}{checkout}"}
    return subprocess.run([sys.executable, *command], cwd=checkout, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("area", list(AREAS))
def test_four_files_are_changed_and_parse(checkout: Path, area: str) -> None:
    id, files = add(checkout, area, SENTENCE)
    assert id == next_id(area)
    assert [file.relative_to(checkout).as_posix() for file in files] == [
        f"harness/catalogue/{area.lower()}.py", f"cases/test_{area.lower()}.py", f"tests/miniatures/{area.lower()}.py",
        "CHANGELOG.md",
    ]
    for file in files[:3]:
        ast.parse(file.read_text("utf-8"))
        assert id in file.read_text("utf-8")
        assert max(map(len, file.read_text("utf-8").splitlines())) <= 120


def test_the_stubs_fail_until_they_are_filled_in(checkout: Path) -> None:
    id, (_, case, _, changelog) = add(checkout, "MASK", SENTENCE)
    program = (
        "from sparsecheck.catalogue import requirement\nfrom tests.bench_of_one import judge_all\n"
        "from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n"
        "from tests.miniatures.all import MINIATURES\n"
        f"[made] = [one for one in MINIATURES if one.requirement == {id!r}]\n"
        f"print(requirement({id!r}).since, requirement({id!r}).sentence)\n"
        f"print([[*judge_all(adapter, {id!r})][0].verdict.value for adapter in (ExemplarAdapter(), made.adapter())])\n"
    )
    ended = in_checkout(checkout, "-c", program)
    assert ended.stdout.splitlines() == [f"{VERSION} {SENTENCE}", "['failed', 'failed']"], ended.stderr
    text = case.read_text("utf-8").replace(f'raise NotImplementedError("{id} is not written yet")', FILLED)
    case.write_text(text, "utf-8")
    filled = in_checkout(checkout, "-c", program)
    assert filled.stdout.splitlines()[1] == "['passed', 'passed']", "the miniature must be broken, too"
    assert f"- Added {id}: A mask of" in changelog.read_text("utf-8")


def test_a_missing_file_is_named_and_nothing_is_written(checkout: Path) -> None:
    (checkout / "tests" / "miniatures" / "reg.py").unlink()
    before = (checkout / "CHANGELOG.md").read_text("utf-8")
    with pytest.raises(CannotAdd, match=r"miniatures/reg\.py does not exist"):
        add(checkout, "REG", SENTENCE)
    assert (checkout / "CHANGELOG.md").read_text("utf-8") == before


@pytest.mark.parametrize(("arguments", "said"), [
    (("MASKS", SENTENCE), "is not one of"), (("MASK", "No full stop"), "ends with a full stop"), (("MASK",), "Missing"),
])
def test_bad_usage_is_explained(arguments: tuple[str, ...], said: str) -> None:
    ended = CliRunner().invoke(main, arguments)
    assert ended.exit_code == 2
    assert said in ended.output

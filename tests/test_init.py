"""`sparsecheck init`: what it writes into a package runs as it is, and nothing that was there is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sparsecheck.command.main import main

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYPROJECT = """# ours
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "own-pruning"   # a comment
version = "1.0"
"""


def project(folder: Path, text: str = PYPROJECT, package: str = "src/own_pruning") -> Path:
    (folder / "pyproject.toml").write_text(text, "utf-8")
    (folder / package).mkdir(parents=True)
    (folder / package / "__init__.py").touch()
    return folder


def init(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["init", str(folder), *options])


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def entry_points(folder: Path) -> dict[str, str]:
    data = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    found: dict[str, str] = data["project"]["entry-points"]["sparsecheck.sparsifiers"]
    return found


@pytest.mark.parametrize("package", ["own_pruning", "src/own_pruning"])
def test_all_is_written_and_told(tmp_path: Path, package: str) -> None:
    ended = init(project(tmp_path, package=package))
    assert ended.exit_code == 0, ended.output
    written = [f"{package}/sparsecheck_adapter.py", f"{package}/sparsecheck_adapter.expectations.toml", "tox.ini",
               ".github/workflows/sparsecheck.yml", "pyproject.toml"]
    for file in written:
        assert (tmp_path / file).is_file()
        assert file in ended.output
    assert entry_points(tmp_path) == {"own-pruning": "own_pruning.sparsecheck_adapter:OwnPruningAdapter"}


def test_the_text_that_was_there_stays(tmp_path: Path) -> None:
    init(project(tmp_path))
    text = (tmp_path / "pyproject.toml").read_text("utf-8")
    assert text.startswith(PYPROJECT)
    data = tomllib.loads(text)["tool"]["setuptools"]["package-data"]
    assert data == {"own_pruning": ["*.expectations.toml"]}


@pytest.mark.parametrize("header", [
    '[project.entry-points."sparsecheck.sparsifiers"]', "[ project.entry-points.'sparsecheck.sparsifiers' ] # ours",
])
def test_a_table_that_is_there_gets_a_line(tmp_path: Path, header: str) -> None:
    text = f'{PYPROJECT}\n{header}\nother = "own_pruning.other:Adapter"\n\n[tool.ruff]\nline-length = 99\n'
    ended = init(project(tmp_path, text), "--name", "second")
    assert ended.exit_code == 0, ended.output
    assert entry_points(tmp_path) == {
        "other": "own_pruning.other:Adapter", "second": "own_pruning.sparsecheck_adapter:SecondAdapter",
    }
    after = (tmp_path / "pyproject.toml").read_text("utf-8")
    assert after.startswith(text.partition(header)[0])
    assert '\nother = "own_pruning.other:Adapter"\n\n[tool.ruff]\nline-length = 99\n' in after


def test_poetry_looks_elsewhere(tmp_path: Path) -> None:
    build = '[build-system]\nbuild-backend = "poetry.core.masonry.api"\n'
    text = f'[tool.poetry]\nname = "own-pruning"\nversion = "1"\n\n{build}'
    ended = init(project(tmp_path, text))
    assert ended.exit_code == 0, ended.output
    data = tomllib.loads((tmp_path / "pyproject.toml").read_text("utf-8"))
    assert list(data["tool"]["poetry"]["plugins"]["sparsecheck.sparsifiers"]) == ["own-pruning"]
    assert "setuptools" not in data["tool"]


def test_a_tox_ini_that_is_there_gets_an_environment(tmp_path: Path) -> None:
    (project(tmp_path) / "tox.ini").write_text("[testenv]\ncommands = pytest\n", "utf-8")
    assert init(tmp_path).exit_code == 0
    text = (tmp_path / "tox.ini").read_text("utf-8")
    assert text.startswith("[testenv]\ncommands = pytest\n\n[testenv:sparsecheck]\n")
    assert "sparsecheck run own-pruning --require own-pruning" in text


@pytest.mark.parametrize("file", ["pyproject.toml", "tox.toml", "setup.cfg"])
def test_where_tox_is_configured_elsewhere_no_file_hides_that(tmp_path: Path, file: str) -> None:
    text = PYPROJECT + ('\n[tool.tox]\nenv_list = ["a"]\n' if file == "pyproject.toml" else "")
    project(tmp_path, text)
    if file != "pyproject.toml":
        (tmp_path / file).write_text("[tox:tox]\n" if file == "setup.cfg" else "", "utf-8")
    ended = init(tmp_path)
    assert ended.exit_code == 0, ended.output
    assert not (tmp_path / "tox.ini").exists()
    assert f"tox is configured in {file}" in ended.output
    assert "[testenv:sparsecheck]" in ended.output


@pytest.mark.parametrize("there", [
    "src/own_pruning/sparsecheck_adapter.py", "src/own_pruning/sparsecheck_adapter.expectations.toml",
    ".github/workflows/sparsecheck.yml",
])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    file = project(tmp_path) / there
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine", "utf-8")
    before = snapshot(tmp_path)
    ended = init(tmp_path)
    assert ended.exit_code == 2
    assert f"{there} is there already" in ended.output
    assert snapshot(tmp_path) == before


def test_a_second_start_is_told_that_there_was_one(tmp_path: Path) -> None:
    init(project(tmp_path))
    before = snapshot(tmp_path)
    assert init(tmp_path).exit_code == 2
    assert snapshot(tmp_path) == before


TAKEN = '[project.entry-points."sparsecheck.sparsifiers"]\nown-pruning = "a:b"\n'


@pytest.mark.parametrize(("text", "said"), [
    (f"{PYPROJECT}\n{TAKEN}", "has a sparsifier own-pruning already"),
    (PYPROJECT.replace("version", 'dynamic = ["entry-points"]\nversion'), "leaves its entry points to another file"),
    (PYPROJECT + 'entry-points = { console_scripts = { a = "b:c" } }\n', "add it by hand: [project.entry-points"),
    (PYPROJECT.replace('name = "own-pruning"', 'dynamic = ["name"]'), "has no name in [project]"),
    ("[project\n", "pyproject.toml cannot be read"),
])
def test_a_project_that_cannot_be_added_to_stays_as_it_is(tmp_path: Path, text: str, said: str) -> None:
    before = snapshot(project(tmp_path, text))
    ended = init(tmp_path)
    assert ended.exit_code == 2
    assert said in ended.output
    assert ended.output.count("\n") == 1
    assert snapshot(tmp_path) == before


def test_without_a_project_it_is_said_where_to_run_it(tmp_path: Path) -> None:
    ended = init(tmp_path)
    assert ended.exit_code == 2
    assert "pyproject.toml is not there: run it where your package's pyproject.toml is" in ended.output


def test_a_package_of_another_name_is_found_where_it_is_alone(tmp_path: Path) -> None:
    project(tmp_path, package="lib_of_ours")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").touch()
    assert init(tmp_path).exit_code == 0
    assert entry_points(tmp_path) == {"own-pruning": "lib_of_ours.sparsecheck_adapter:OwnPruningAdapter"}


def test_of_several_packages_one_is_named(tmp_path: Path) -> None:
    for package in ("one", "two/inner"):
        (tmp_path / package).mkdir(parents=True)
    for package in ("one", "two", "two/inner"):
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, "utf-8")
    ended = init(tmp_path)
    assert ended.exit_code == 2
    assert "has the packages one, two; name yours with --package" in ended.output
    assert init(tmp_path, "--package", "two.inner").exit_code == 0
    assert (tmp_path / "two" / "inner" / "sparsecheck_adapter.py").is_file()


def test_a_package_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    ended = init(project(tmp_path), "--package", "nowhere")
    assert ended.exit_code == 2
    assert "has no package nowhere: neither src/nowhere/__init__.py nor nowhere/__init__.py is there" in ended.output


@pytest.mark.parametrize("name", ["../up", "a b", "", "x" * 65])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    before = snapshot(project(tmp_path))
    ended = init(tmp_path, "--name", name)
    assert (ended.exit_code, snapshot(tmp_path) == before) == ((2, True) if name else (0, False))


@pytest.mark.parametrize(("distribution", "name", "adapter"), [
    ("Own.Pruning", "own-pruning", "OwnPruningAdapter"), ("2nd_try", "2nd-try", "The2ndTryAdapter"),
])
def test_names_are_made_of_the_distributions(tmp_path: Path, distribution: str, name: str, adapter: str) -> None:
    assert init(project(tmp_path, PYPROJECT.replace("own-pruning", distribution))).exit_code == 0
    assert entry_points(tmp_path) == {name: f"own_pruning.sparsecheck_adapter:{adapter}"}


def test_what_cannot_be_written_whole_is_taken_back(tmp_path: Path) -> None:
    (project(tmp_path) / ".github").write_text("no folder", "utf-8")
    before = snapshot(tmp_path)
    ended = init(tmp_path)
    assert ended.exit_code == 2
    assert "cannot be written" in ended.output
    assert snapshot(tmp_path) == before


def test_what_is_written_runs_as_it_is(tmp_path: Path) -> None:
    """Installed as a user would install it, but without a network."""
    folder, site = tmp_path / "own", tmp_path / "site"
    folder.mkdir()
    project(folder)
    assert init(folder).exit_code == 0
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(folder)], check=True, capture_output=True)
    assert (site / "own_pruning" / "sparsecheck_adapter.expectations.toml").is_file()
    for arguments, said in ((("list", "--check"), "own-pruning"), (("run", "own-pruning"), "own-pruning: SUCCESS")):
        ended = subprocess.run(
            [sys.executable, "-m", "sparsecheck", *arguments],
            cwd=tmp_path, capture_output=True, text=True, check=False,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(site), "HOME": str(tmp_path)},
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert said in ended.stdout

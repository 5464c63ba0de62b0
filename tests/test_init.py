"""`sparsecheck init`: the scaffold runs as it is, existing files are kept, and errors write nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sparsecheck.adapter.discovery import GROUP
from sparsecheck.cli import main
from sparsecheck.features.init.package import CannotScaffold, read
from sparsecheck.features.init.pyproject import AlreadyThere, NotPlain, add_key
from sparsecheck.features.init.scaffold import NotWritten, plan, write
from tests.installed import pip_install

TABLE = ("project", "entry-points", GROUP)
HEAD = f'[project.entry-points."{GROUP}"]\n'
PROJECT = '[project]\nname = "acme-pruning"\nversion = "2.0"\n'
HATCH = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n' + PROJECT


def project(folder: Path, text: str = PROJECT, *packages: str) -> Path:
    (folder / "pyproject.toml").write_text(text, "utf-8", newline="")
    for package in packages or ("acme_pruning",):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").touch()
    return folder


def init(folder: Path, *arguments: str) -> tuple[int, str]:
    ended = CliRunner().invoke(main, ["init", str(folder), *arguments])
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return ended.exit_code, ended.output


def held(folder: Path) -> dict[str, bytes | None]:
    """Return the content of a folder: its files with their bytes, and its folders with None."""
    return {str(one.relative_to(folder)): one.read_bytes() if one.is_file() else None for one in folder.rglob("*")}


def refused(folder: Path, *arguments: str) -> str:
    """Run init, assert that it writes nothing, and return its one-line error."""
    before = held(folder)
    code, output = init(folder, *arguments)
    assert (code, held(folder)) == (2, before), output
    assert len(output.splitlines()) == 1
    return output


@pytest.mark.parametrize("more", [
    "[tool.hatch.build.targets.wheel]\npackages = [true]\n", "[tool.hatch.build.targets.wheel]\npackages = 1\n",
    "[tool.setuptools]\npackages = [1, {}]\n",
    "[tool.setuptools]\npackages = ['acme_pruning']\npackage-dir = {'' = 1}\n",
    "[tool.setuptools.packages.find]\nwhere = [1]\n", "[tool.setuptools.packages.find]\nwhere = true\n",
    "[tool.poetry]\npackages = [1]\n", "[tool.poetry]\npackages = [{include = 1, from = []}]\n",
    "[tool.setuptools.packages.find]\nwhere = ['\\u0000', '" + "x" * 5000 + "']\n".replace("'", '"'),
])
def test_a_value_of_the_wrong_type_counts_as_missing(tmp_path: Path, more: str) -> None:
    assert read(project(tmp_path, PROJECT + more.replace("'", '"'))).name == "acme_pruning"


@pytest.mark.parametrize("more", [
    "requires-python = 3.1\n", "requires-python = []\n", "[tool]\nsetuptools = 1\n",
    "[tool.setuptools]\npackage-data = 1\n", "[tool.setuptools.package-data]\nacme_pruning = 1\n",
    "[tool.setuptools.package-data]\nacme_pruning = [1]\n\"*\" = true\n",
])
def test_a_value_of_the_wrong_type_changes_no_plan(tmp_path: Path, more: str) -> None:
    assert plan(read(project(tmp_path, PROJECT + more))).files


@pytest.mark.parametrize("text", ['[project]\nname = "acme-pruning"\ndynamic = true\n', 'build-system = 1\n' + PROJECT])
def test_a_table_of_the_wrong_type_counts_as_missing(tmp_path: Path, text: str) -> None:
    assert read(project(tmp_path, text)).by_setuptools


SOUND = [
    (PROJECT, "acme_pruning", "acme_pruning"),
    (PROJECT, "src/acme_pruning", "acme_pruning"),
    (PROJECT, "src/other", "other"),
    (HATCH + '[tool.hatch.build.targets.wheel]\npackages = ["lib/acme"]\n', "lib/acme", "acme"),
    (PROJECT + '[tool.setuptools]\npackages = ["acme", "acme.sub"]\npackage-dir = {acme = "code"}\n', "code", "acme"),
    (PROJECT + '[tool.setuptools.packages.find]\nwhere = ["python"]\n', "python/acme", "acme"),
    ('[tool.poetry]\nname = "acme"\npackages = [{include = "acme", from = "lib"}]\n', "lib/acme", "acme"),
]


@pytest.mark.parametrize(("text", "folder", "name"), SOUND)
def test_the_package_is_found(tmp_path: Path, text: str, folder: str, name: str) -> None:
    found = read(project(tmp_path, text, folder))
    assert (found.name, found.folder) == (name, tmp_path / folder)
    assert init(tmp_path)[0] == 0
    assert (tmp_path / folder / "sparsecheck_adapter.py").is_file()
    assert (tmp_path / folder / "sparsecheck_adapter.expectations.toml").is_file()


def test_a_dotted_name_can_be_a_namespace_package(tmp_path: Path) -> None:
    found = read(project(tmp_path, PROJECT.replace("acme-pruning", "acme.pruning"), "src/acme/pruning"))
    assert (found.name, found.folder) == ("acme.pruning", tmp_path / "src" / "acme" / "pruning")
    assert init(tmp_path)[0] == 0
    text = (tmp_path / "pyproject.toml").read_text("utf-8")
    assert '"acme.pruning" = "acme.pruning.sparsecheck_adapter:AcmePruningAdapter"\n' in text


def test_tests_and_docs_are_not_packages(tmp_path: Path) -> None:
    assert read(project(tmp_path, PROJECT, "tests", "docs", "other")).name == "other"


def test_written_files_are_listed_and_require_the_sparsifier(tmp_path: Path) -> None:
    code, output = init(project(tmp_path), "--name", "acme-magnitude")
    assert code == 0
    shown = [line.split()[-1] for line in output.splitlines() if line.startswith(("written:", "added to:"))]
    assert sorted(shown) == sorted(name for name, content in held(tmp_path).items()
                                  if content and not name.endswith("__init__.py"))
    gate = "sparsecheck run acme-magnitude --require acme-magnitude --report "
    assert gate in (tmp_path / "tox.ini").read_text("utf-8")
    assert gate in (tmp_path / ".github/workflows/sparsecheck.yml").read_text("utf-8")
    assert "${{ matrix.python }}" in (tmp_path / ".github/workflows/sparsecheck.yml").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "packages", "said"),
    [
        ("[project", ["acme"], "cannot be read: "),
        ("[project]\nversion = '1'\n", ["acme"], "has no name in [project]"),
        (PROJECT + 'dynamic = ["entry-points"]\n', ["acme"], "declares entry-points as dynamic"),
        (PROJECT, ["one", "two"], "several packages: one, two; name one with --package"),
        (PROJECT, ["docs"], "no folder with an __init__.py was found for acme-pruning"),
        (PROJECT + HEAD + 'acme-pruning = "a:B"\n', ["acme"],
         'already has acme-pruning = "a:B" in [project.entry-points'),
        (PROJECT + f'[project.entry-points]\n"{GROUP}" = {{}}\n', ["acme"], "by hand"),
    ],
)
def test_an_unclear_project_is_an_error(tmp_path: Path, text: str, packages: list[str], said: str) -> None:
    assert said in refused(project(tmp_path, text, *packages))


def test_a_single_module_is_not_a_package(tmp_path: Path) -> None:
    (project(tmp_path, PROJECT, "tests") / "acme_pruning.py").touch()
    assert "acme_pruning.py is a single module" in refused(tmp_path)


def test_a_missing_pyproject_is_an_error(tmp_path: Path) -> None:
    assert "pyproject.toml does not exist" in refused(tmp_path)


def test_the_package_may_be_named(tmp_path: Path) -> None:
    project(tmp_path, PROJECT, "one", "two")
    assert "the package three was not found" in refused(tmp_path, "--package", "three")
    assert "is not the name of an import package" in refused(tmp_path, "--package", "a/b")
    assert init(tmp_path, "--package", "two")[0] == 0
    assert (tmp_path / "two" / "sparsecheck_adapter.py").is_file()


@pytest.mark.parametrize("name", ["a b", "../x", "", "exemplar"])
def test_an_invalid_or_taken_name_is_an_error(tmp_path: Path, name: str) -> None:
    project(tmp_path, PROJECT.replace("acme-pruning", "exemplar"))
    assert "--name" in refused(tmp_path, "--name", name)


@pytest.mark.parametrize(
    "file", ["acme_pruning/sparsecheck_adapter.py", "acme_pruning/sparsecheck_adapter.expectations.toml",
             ".github/workflows/sparsecheck.yml"],
)
def test_nothing_is_overwritten(tmp_path: Path, file: str) -> None:
    path = project(tmp_path) / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine", "utf-8")
    assert f"{file} already exists" in refused(tmp_path)


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    (project(tmp_path) / "acme_pruning" / "sparsecheck_adapter.py").symlink_to(tmp_path / "gone")
    assert "already exists" in refused(tmp_path)


def test_a_file_in_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    (project(tmp_path) / ".github").touch()
    assert ".github is not a writable folder" in refused(tmp_path)


def test_a_second_init_writes_nothing(tmp_path: Path) -> None:
    assert init(project(tmp_path))[0] == 0
    assert "nothing was written" in refused(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder_is_an_error(tmp_path: Path) -> None:
    folder = project(tmp_path) / "acme_pruning"
    folder.chmod(0o555)
    assert "acme_pruning is not a writable folder" in refused(tmp_path)


def test_a_failed_write_is_rolled_back(tmp_path: Path) -> None:
    before = held(project(tmp_path))
    scaffold = plan(read(tmp_path))
    (tmp_path / "tox.ini").mkdir()
    with pytest.raises(NotWritten, match=r"tox\.ini cannot be written"):
        write(scaffold)
    assert held(tmp_path) == {**before, "tox.ini": None}


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("", HEAD + 'x = "v"\n'),
        (PROJECT.rstrip("\n"), PROJECT + "\n" + HEAD + 'x = "v"\n'),
        (PROJECT + HEAD + 'a = "b"\n\n# next\n[tool.x]\n', PROJECT + HEAD + 'a = "b"\nx = "v"\n\n# next\n[tool.x]\n'),
        ("[ project . entry-points.'" + GROUP + "' ]  # mine\n",
         "[ project . entry-points.'" + GROUP + "' ]  # mine\nx = \"v\"\n"),
        (PROJECT.replace("\n", "\r\n"), (PROJECT + "\n" + HEAD + 'x = "v"\n').replace("\n", "\r\n")),
        (PROJECT + HEAD + 'x = "v"\n', PROJECT + HEAD + 'x = "v"\n'),
    ],
    ids=["empty", "no end of line", "table", "spaced", "CRLF", "said"],
)
def test_a_key_is_added_and_the_rest_is_kept(text: str, new: str) -> None:
    assert add_key(text, TABLE, "x", "v") == new


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (HEAD + 'x = "other"\n', AlreadyThere),
        ("project = 3\n", NotPlain),
        (f'[project]\nentry-points = {{"{GROUP}" = {{}}}}\n', NotPlain),
        (f'a = """\n{HEAD}"""\n', NotPlain),
    ],
)
def test_a_key_that_cannot_be_added_is_an_error(text: str, error: type[CannotScaffold]) -> None:
    with pytest.raises(error, match=r"pyproject\.toml"):
        add_key(text, TABLE, "x", "v")


def test_an_environment_is_appended_to_tox_ini(tmp_path: Path) -> None:
    (project(tmp_path) / "tox.ini").write_bytes(b"[tox]\r\nenv_list = py")
    assert init(tmp_path)[0] == 0
    text = (tmp_path / "tox.ini").read_bytes()
    assert text.startswith(b"[tox]\r\nenv_list = py\r\n\r\n# Judges acme-pruning: tox -e sparsecheck\r\n[testenv:")
    assert text.count(b"\n") == text.count(b"\r\n")


def test_an_existing_environment_is_kept(tmp_path: Path) -> None:
    (project(tmp_path) / "tox.ini").write_text("[testenv:sparsecheck]\n", "utf-8")
    assert "tox.ini already has an environment sparsecheck" in refused(tmp_path)


@pytest.mark.parametrize(
    ("file", "text"), [("tox.toml", ""), ("setup.cfg", "[tox:tox]\n"), ("pyproject.toml", PROJECT + "[tool.tox]\n")]
)
def test_no_tox_ini_is_written_if_tox_is_configured_elsewhere(tmp_path: Path, file: str, text: str) -> None:
    (project(tmp_path) / file).write_text(text, "utf-8")
    code, output = init(tmp_path)
    assert (code, (tmp_path / "tox.ini").exists()) == (0, False)
    assert f"tox is configured in {file}" in output


@pytest.mark.parametrize(
    ("asked", "pythons"), [("", '["3.11", "3.13"]'), (">=3.12", '["3.13"]'), ("<3.11", '["3.10"]'), ("x", '["3.11"')]
)
def test_the_workflow_uses_pythons_that_the_package_allows(tmp_path: Path, asked: str, pythons: str) -> None:
    init(project(tmp_path, PROJECT + f'requires-python = "{asked}"\n'))
    assert f"python: {pythons}" in (tmp_path / ".github/workflows/sparsecheck.yml").read_text("utf-8")


def test_a_project_inside_a_repository_gets_a_note_about_the_workflow(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "part").mkdir()
    assert f"move .github/workflows/sparsecheck.yml to {tmp_path}" in init(project(tmp_path / "part"))[1]


def test_explicit_package_data_gets_a_note_about_expectations(tmp_path: Path) -> None:
    table = '[tool.setuptools.package-data]\nacme_pruning = ["py.typed"]\n'
    code, output = init(project(tmp_path, PROJECT + table))
    assert code == 0
    assert "to the package-data of acme_pruning" in output


def test_the_scaffold_installs_and_can_be_judged(tmp_path: Path) -> None:
    source, installed = tmp_path / "source", tmp_path / "installed"
    source.mkdir()
    assert init(project(source, PROJECT, "src/acme_pruning"))[0] == 0
    pip_install(source, installed)
    assert (installed / "acme_pruning" / "sparsecheck_adapter.expectations.toml").is_file()
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    for arguments in (["list", "--check"], ["run", "acme-pruning", "--require", "acme-pruning", "--level", "core"]):
        ended = subprocess.run([sys.executable, "-m", "sparsecheck", *arguments], cwd=tmp_path, env=environment,
                               capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "acme-pruning" in ended.stdout
    assert "acme-pruning: SELECTION (mask profile, no distribution, " in ended.stdout
    assert "failed" not in ended.stdout

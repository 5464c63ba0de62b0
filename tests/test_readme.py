"""The README is true: its adapter is judged here, its output is printed, and its commands and options exist."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click
import pytest

from sparsecheck.cli import main
from tests.faulty import run
from tests.installed import pip_install

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLE = ROOT / "docs" / "example"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def lines(text: str) -> list[str]:
    """Return the lines without the build of torch and the width of columns, which differ between machines."""
    return [" ".join(re.sub(r"(torch \d[\d.]+)\+\w+", r"\1", line).split()) for line in text.splitlines()]


def copied(folder: Path) -> Path:
    """Return a copy of the example, so that no build files are left in the checkout."""
    target = folder / "example"
    target.mkdir()
    for file in (*EXAMPLE.glob("*.py"), EXAMPLE / "pyproject.toml"):
        (target / file.name).write_bytes(file.read_bytes())
    return target


def test_the_adapter_shown_is_the_example_and_has_fifteen_lines() -> None:
    shown = (EXAMPLE / "acme_adapter.py").read_text("utf-8")
    assert shown in blocks("python")
    assert len([line for line in shown.splitlines() if line.strip()]) <= 15


def test_the_example_is_conformant(tmp_path: Path) -> None:
    example, installed = copied(tmp_path), tmp_path / "installed"
    pip_install(example, installed)
    ended = run(example, "--adapter", "acme_adapter.py", environment={"PYTHONPATH": str(installed)})
    assert ended.code == 0, ended.output
    assert "acme-adapter: CONFORMANT (" in ended.output


def test_the_example_installed_is_found_by_the_name_shown(tmp_path: Path) -> None:
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    [shown] = [block for block in blocks("toml") if block.startswith("[project")]
    assert tomllib.loads(shown)["project"]["entry-points"] == project["entry-points"]
    installed = tmp_path / "installed"
    pip_install(copied(tmp_path), installed)
    ended = run(
        tmp_path, "acme-magnitude", "--require", "acme-magnitude", "--area", "SMOKE",
        environment={"PYTHONPATH": str(installed)},
    )
    assert ended.code == 0, ended.output
    assert "acme-magnitude: SELECTION (mask profile, acme-pruning 1.0, " in ended.output


def test_the_output_shown_is_printed_by_a_run(tmp_path: Path) -> None:
    shown = [line for line in lines(blocks("text")[0]) if line != "..."]
    names = {line.split(" ")[0] for line in shown if " CONFORMANT " in line}
    ended = run(tmp_path, *sorted(name for name in names if not name.endswith(":")))
    printed = iter(lines(ended.output))
    for line in shown:
        assert line in printed, f"not printed, or not in this order: {line}"


def test_ci_runs_the_readmes_test_command() -> None:
    command = next(line for block in blocks("sh") for line in block.splitlines() if "tox -e tests" in line)
    assert "tox -e tests" in command
    assert "tox -e tests" in (ROOT / ".ci" / "run").read_text("utf-8")


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "docs" / "ci" / "README.md"]
_CODE = re.compile(r"```sh\n(?P<block>.*?)```|`(?P<inline>sparsecheck [^`]+)`", re.DOTALL)


def commands(page: Path) -> list[str]:
    """Return every command line of sparsecheck in the code of a page."""
    code = [found["block"] or found["inline"] for found in _CODE.finditer(page.read_text("utf-8"))]
    lines = [part for text in code for line in text.splitlines() for part in re.split(r"&&|\|\||#", line)]
    return [line.strip() for line in lines if line.strip().startswith("sparsecheck ")]


def problem(line: str) -> str:
    """Return the command or option in a command line that does not exist, or an empty string."""
    _, *words = line.split()
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        found = command.get_command(context, name)
        if found is None:
            return name
        command = found
    known = {name for one in command.get_params(click.Context(command)) for name in one.opts}
    return next((word for word in words if re.fullmatch("--?[a-z][a-z-]*", word) and word not in known), "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_exists(page: Path) -> None:
    assert [(line, found) for line in commands(page) if (found := problem(line))] == []


def test_the_check_of_commands_can_fail() -> None:
    assert problem("sparsecheck judge exemplar") == "judge"
    assert problem("sparsecheck run exemplar --loud") == "--loud"
    assert problem("sparsecheck states read FOLDER --loud") == "--loud"
    assert problem("sparsecheck states read FOLDER --json FILE") == ""
    assert len(commands(ROOT / "README.md")) > 15

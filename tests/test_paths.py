"""No command writes onto a file that it reads, nor twice to one file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from sparsecheck.cli import main
from sparsecheck.commands.paths import AdapterFile, InputPath, OutputPath, SnapshotOrRelease
from sparsecheck.report.report import Report, read, write
from sparsecheck.values.record import Record, Verdict
from tests.samples import cell, passed, report

READS = (InputPath, SnapshotOrRelease)
WHOLE = report(passed(cell()))


def commands(
    group: click.Command = main, names: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command, with the words that call it."""
    if not isinstance(group, click.Group):
        yield names, group
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from commands(command, (*names, name))


COMMANDS = dict(commands())
WRITTEN = {
    ("run",): {"--coverage-json", "--report"}, ("explore",): {"--save"}, ("merge",): {"--to"},
    ("report",): {"--report", "--junit", "--markdown"},
    ("gate",): {"--junit", "--markdown"}, ("page",): {"--html", "--markdown"}, ("versions",): {"--html", "--markdown"},
    ("repro",): {"--output"}, ("bench",): {"--json", "--html", "--markdown"}, ("states", "read"): {"--json"},
    ("snapshot",): {"--to"}, ("diff",): {"--markdown", "--json"},
}
"""The options of every command that name a file to write."""


def outputs(command: click.Command) -> list[click.Parameter]:
    return [one for one in command.params if isinstance(one.type, OutputPath)]


def inputs(command: click.Command) -> list[click.Parameter]:
    return [one for one in command.params if isinstance(one.type, READS)]


def test_every_path_is_declared_as_input_or_output() -> None:
    for names, command in COMMANDS.items():
        paths = [one for one in command.params if isinstance(one.type, (click.Path, click.File))]
        assert all(isinstance(one.type, (InputPath, OutputPath)) for one in paths), names
    found = {names: {one.opts[0] for one in outputs(command)} for names, command in COMMANDS.items()}
    assert {names: options for names, options in found.items() if options} == WRITTEN


def _arguments(command: click.Command, given: dict[click.Parameter, str]) -> list[str]:
    """Return a command line that gives these values, and one to everything else that is required."""
    options, words = list[str](), list[str]()
    for one in command.params:
        value = given.get(one, "other.jsonl" if one.required else "")
        if value:
            options += [one.opts[0], value] if isinstance(one, click.Option) else []
            words += [] if isinstance(one, click.Option) else [value]
    return [*options, *words]


PAIRS = [
    (names, output, other)
    for names, command in COMMANDS.items() for output in outputs(command)
    for other in (*inputs(command), *outputs(command)) if other is not output
]


def _id(value: object) -> str:
    return value.opts[0] if isinstance(value, click.Parameter) else " ".join(value) if isinstance(value, tuple) else ""


@pytest.mark.parametrize(("names", "output", "other"), PAIRS, ids=_id)
@pytest.mark.parametrize("way", ["same", "spelled", "link"])
def test_an_output_at_the_place_of_an_input_or_output_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], output: click.Parameter,
    other: click.Parameter, way: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    is_folder = isinstance(other.type, InputPath) and not other.type.file_okay
    (tmp_path / "folder").mkdir()
    write(WHOLE, tmp_path / "folder" / "a.jsonl")
    write(WHOLE, tmp_path / "other.jsonl")
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "a.jsonl")
    place = {"same": "folder/a.jsonl", "spelled": "./folder/../folder/a.jsonl", "link": "link"}[way]
    before = (tmp_path / "folder" / "a.jsonl").read_bytes()
    given = {output: place, other: "folder" if is_folder else "folder/a.jsonl"}
    result = CliRunner().invoke(main, [*names, *_arguments(COMMANDS[names], given)])
    assert result.exit_code == 2, result.output
    reads = isinstance(other.type, READS)
    said = "which this command reads. Name another file with --" if reads else " name the same file, "
    assert said in result.output
    assert (tmp_path / "folder" / "a.jsonl").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 3


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.mark.parametrize("name", ["a.py", "a.expectations.toml"])
@pytest.mark.parametrize("option", ["--junit", "--report"])
def test_an_adapter_or_expectation_file_is_never_written(tmp_path: Path, name: str, option: str) -> None:
    write(WHOLE, tmp_path / "r.jsonl")
    (tmp_path / name).write_text("kept")
    result = invoke("report", tmp_path / "r.jsonl", option, tmp_path / name)
    assert (result.exit_code, "which is a source file. Name another" in result.output) == (2, True)
    assert (tmp_path / name).read_text() == "kept"


def test_the_expectation_file_of_an_adapter_file_counts_as_read(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    result = invoke("run", "--adapter", tmp_path / "a.py", "--report", tmp_path / "a.expectations.toml")
    assert (result.exit_code, "which this command reads" in result.output) == (2, True)


def test_a_report_in_a_folder_that_is_read_is_not_overwritten_but_a_page_is(tmp_path: Path) -> None:
    write(WHOLE, tmp_path / "a.jsonl")
    assert invoke("versions", tmp_path, "--markdown", tmp_path / "a.jsonl").exit_code == 2
    for _ in range(2):
        assert invoke("versions", tmp_path, "--markdown", tmp_path / "README.md").exit_code == 0
    assert read(tmp_path / "a.jsonl") == WHOLE


def test_devices_may_be_named_twice(tmp_path: Path) -> None:
    write(WHOLE, tmp_path / "r.jsonl")
    result = invoke("report", tmp_path / "r.jsonl", "--junit", os.devnull, "--markdown", os.devnull)
    assert result.exit_code == 0


def test_one_file_may_be_read_twice(tmp_path: Path) -> None:
    write(WHOLE, tmp_path / "r.jsonl")
    assert invoke("gate", tmp_path / "r.jsonl", "--baseline", tmp_path / "r.jsonl").exit_code == 0


def test_an_adapter_file_may_name_its_class(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    named = str(tmp_path / "a.py")
    assert isinstance(COMMANDS["run",].params[1].type, AdapterFile)
    result = invoke("run", "--adapter", f"{named}:Class", "--report", named)
    assert result.exit_code == 2
    assert "names" in result.output


BROKEN = report(problem="it does not import")
CUT = report([*passed(cell()), Record(cell("MASK-02"), Verdict.FAILED, "a: b", "c")], interrupted="Ctrl-C")


@pytest.mark.parametrize("new", [BROKEN, CUT], ids=["an adapter that does not import", "Ctrl-C"])
def test_a_whole_report_is_kept_when_an_incomplete_one_replaces_it(tmp_path: Path, new: Report) -> None:
    write(new, tmp_path / "new.jsonl")
    write(WHOLE, tmp_path / "r.jsonl")
    result = invoke("report", tmp_path / "new.jsonl", "--report", tmp_path / "r.jsonl")
    assert result.exit_code > 1
    assert read(tmp_path / "r.jsonl") == new
    (tmp_path / "r.jsonl~").rename(tmp_path / "earlier.jsonl")
    assert read(tmp_path / "earlier.jsonl") == WHOLE
    assert "the earlier one is kept as " in result.output


def test_an_incomplete_report_is_not_kept_and_a_whole_one_is_replaced(tmp_path: Path) -> None:
    for old, new in ((CUT, BROKEN), (WHOLE, report(passed(cell("MASK-02")))), (BROKEN, WHOLE)):
        write(old, tmp_path / "r.jsonl")
        write(new, tmp_path / "new.jsonl")
        invoke("report", tmp_path / "new.jsonl", "--report", tmp_path / "r.jsonl")
        assert read(tmp_path / "r.jsonl") == new
    assert not (tmp_path / "r.jsonl~").exists()

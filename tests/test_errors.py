"""One error ends every command with the same exit code."""

from __future__ import annotations

import gzip
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import replace as replaced
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

import sparsecheck
from sparsecheck.cli import main
from sparsecheck.errors import EXIT_CODES, INCOMPLETE, UNUSABLE, SparsecheckError
from sparsecheck.report.lines import encode
from sparsecheck.report.report import Report
from sparsecheck.report.sharding import ledger_digest
from sparsecheck.values.record import Footer, Line, Share
from tests.samples import cell, passed, report

README = Path(__file__).parents[1] / "README.md"

CELLS = (cell(), cell("MASK-02"))
WHOLE = report(passed(*CELLS))


def lines(of: Report) -> list[bytes]:
    every: tuple[Line, ...] = (of.header, *of.records, *((of.footer,) if of.footer else ()))
    return [encode(line) for line in every]


def shard(of: Report, text: str) -> Report:
    """Return `of` as a shard of a run."""
    [subject] = of.header.subjects
    share = Share(ledger_digest(CELLS, [1, 1], 1), (0, 1))
    header = replace(of.header, shard=text, subjects=(replace(subject, share=share),))
    changed = Report(header, of.records, of.footer)
    return replaced(changed, footer=Footer(changed.outcomes(), of.footer.interrupted)) if of.footer else changed


def interrupted(of: Report) -> Report:
    assert of.footer is not None
    return replaced(of, footer=Footer(of.footer.outcomes, "Ctrl-C"))


def bytes_of(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Report, Path], None]:
    return lambda of, file: _put(file, b"".join(change(lines(of))))


def _put(file: Path, data: bytes) -> None:
    file.write_bytes(data)


def _other_footer(of: list[bytes]) -> list[bytes]:
    return [*of[:-1], of[-1].replace(b'"planned":2', b'"planned":3')]


DAMAGES: dict[str, tuple[int, Callable[[Report, Path], None]]] = {
    "missing": (UNUSABLE, lambda of, file: None),
    "folder": (UNUSABLE, lambda of, file: file.mkdir()),
    "empty": (UNUSABLE, bytes_of(lambda of: [])),
    "no header": (UNUSABLE, bytes_of(lambda of: of[1:])),
    "not UTF-8": (UNUSABLE, bytes_of(lambda of: [of[0].replace(b'"1.5"', b'"\xff"'), *of[1:]])),
    "garbage in the middle": (UNUSABLE, bytes_of(lambda of: [*of[:2], b"{]\n", *of[2:]])),
    "cut in the last line": (INCOMPLETE, bytes_of(lambda of: [*of[:-1], of[-1][:-9]])),
    "no footer": (INCOMPLETE, bytes_of(lambda of: of[:-1])),
    "footer disagrees": (INCOMPLETE, bytes_of(_other_footer)),
    "interrupted": (INCOMPLETE, lambda of, file: _put(file, b"".join(lines(interrupted(of))))),
    "shard": (UNUSABLE, lambda of, file: _put(file, b"".join(lines(shard(of, "1/2"))))),
    "damaged gzip": (UNUSABLE, lambda of, file: _put(file, _flipped(gzip.compress(b"".join(lines(of)))))),
    "cut gzip": (INCOMPLETE, lambda of, file: _put(file, gzip.compress(b"".join(lines(of)))[:-9])),
}
"""By damage of a report: the exit code of every command that rejects it, and a function that writes it."""


def _flipped(data: bytes) -> bytes:
    return data[:12] + bytes([data[12] ^ 0xFF]) + data[13:]


TOLERANT = {"empty", "garbage in the middle", "cut in the last line", "no footer", "footer disagrees", "interrupted"}
COMMANDS: dict[str, tuple[str, set[str]]] = {
    "report": ("report {bad}", {"shard"}),
    "report --carry": ("report {good} --carry {bad}", set()),
    "merge": ("merge {bad} --to {out}", set()),
    "expect": ("expect {bad}", set()),
    "gate": ("gate --baseline {good} {bad}", set()),
    "gate --baseline": ("gate --baseline {bad} {good}", set()),
    "page": ("page {bad} --markdown {out}", set()),
    "page --carry": ("page {good} --carry {bad} --markdown {out}", set()),
    "versions": ("versions {bad} --markdown {out}", set()),
    "run --resume": ("run exemplar --report {bad} --resume", TOLERANT),
    "run --durations": (
        "run exemplar --shard 1/2 --durations {bad}", {"shard", *TOLERANT} - {"empty", "garbage in the middle"}
    ),
}
"""Every command that reads reports, and the damages that it is made for."""


@pytest.mark.parametrize(
    ("command", "damage"),
    [(command, damage) for command, (_, made_for) in COMMANDS.items() for damage in DAMAGES if damage not in made_for],
)
def test_a_damaged_report_ends_every_command_with_the_same_code(tmp_path: Path, command: str, damage: str) -> None:
    code, make = DAMAGES[damage]
    bad, good = tmp_path / ("bad.jsonl" + ".gz" * ("gzip" in damage)), tmp_path / "good.jsonl"
    make(shard(WHOLE, "1/1") if command == "merge" and damage != "shard" else WHOLE, bad)
    good.write_bytes(b"".join(lines(WHOLE)))
    arguments = COMMANDS[command][0].format(bad=bad, good=good, out=tmp_path / "out").split()
    ended = CliRunner().invoke(main, arguments)
    assert isinstance(ended.exception, SystemExit), ended.exception
    assert ended.exit_code == code, ended.output


@pytest.mark.parametrize("command", [one for one in COMMANDS if not one.startswith("run")])
def test_the_same_report_undamaged_is_taken(tmp_path: Path, command: str) -> None:
    """Otherwise the test above could not tell one cause from another."""
    whole = tmp_path / "whole.jsonl"
    whole.write_bytes(b"".join(lines(shard(WHOLE, "1/1") if command == "merge" else WHOLE)))
    arguments = COMMANDS[command][0].format(bad=whole, good=whole, out=tmp_path / "out").split()
    ended = CliRunner().invoke(main, arguments)
    if command == "expect":
        assert "no sparsifier is called 'it'" in ended.output
    else:
        assert ended.exit_code == 0, ended.output


INTERNAL = {
    "CannotInline", "CannotJudge", "EndedEarly", "ForkServerUnavailable", "Interrupted", "InvalidCapabilities",
    "InvalidContract", "InvalidPattern", "NoGraphs", "NotOffered", "NotRun", "Refusal", "Skipped", "Stopped",
    "TooBroad", "UnsupportedPattern", "Violation", "VoidResult",
}
"""Exceptions that never end a command: raised by cases, by adapters, to an adapter's author, or caught where called."""

needs_no_marks = pytest.mark.filterwarnings("ignore::pytest.PytestUnknownMarkWarning")


def exceptions() -> Iterator[type[Exception]]:
    """Return every exception that sparsecheck defines."""
    for module in pkgutil.walk_packages(sparsecheck.__path__, "sparsecheck."):
        if not module.name.startswith(("sparsecheck.adapter.shipped", "sparsecheck.__main__")):
            for one in vars(importlib.import_module(module.name)).values():
                if inspect.isclass(one) and issubclass(one, Exception) and one.__module__ == module.name:
                    yield one


@needs_no_marks
def test_every_exception_that_can_end_a_command_has_an_exit_code_and_none_is_green() -> None:
    every = list(exceptions())
    ours = [one for one in every if issubclass(one, SparsecheckError)]
    assert len(ours) > 40
    assert {one.exit_code for one in ours} <= set(EXIT_CODES) - {0, 1}
    assert {one.__name__ for one in every if one not in ours} <= INTERNAL


def test_readme_and_help_print_the_table_of_the_classes() -> None:
    rows = dict(re.findall(r"^\| (\d) \| (.+) \|$", README.read_text("utf-8"), re.MULTILINE))
    assert rows == {str(code): meaning for code, meaning in EXIT_CODES.items()}
    printed = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    for code, meaning in EXIT_CODES.items():
        assert f"{code} {meaning}" in printed


def test_an_error_is_one_line_that_no_terminal_obeys(tmp_path: Path) -> None:
    ended = CliRunner().invoke(main, ["explain", "MASK-\x1b[31m\n" + "9" * 10_000])
    assert ended.exit_code == UNUSABLE
    [line] = ended.output.splitlines()
    assert line.startswith("sparsecheck: no requirement or area is called 'MASK-\\x1b[31m\\n9999")
    assert len(line) < 300

"""Text from outside reaches a terminal, a page or a CI system without controls, without markup and shortened."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from sparsecheck.cli import main
from sparsecheck.report.consistency import _ALLOWED, _TEXTS
from sparsecheck.report.lines import encode
from sparsecheck.show.escaping import one_line, printable, shorten_paths, terminal_line, visible
from sparsecheck.show.html import render_page
from sparsecheck.show.junit import xml_text
from sparsecheck.show.markdown import code, link_suffix, plain, table_row
from sparsecheck.values.record import Line, Record, Verdict
from tests.samples import report

CONTROLS = "".join(map(chr, (*range(0x20), *range(0x7F, 0xA0))))
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
HIDDEN = "\xad\u034f\u115f\u180e\u200b\u200c\u200d\u2028\u2029\u2060\u2063\u2800\u3164\ufe0f\ufeff\uffa0\U000e0041"
MARKUP = "|<script>alert(1)</script><img src=x onerror=alert(1)>](http://x)`*_~$#"
HOSTILE = CONTROLS + BIDI + HIDDEN + MARKUP + "\nFORGED: green\r\n"
LONG = 50_000

TEXTS = {"signature": "aliased: a", "message": "seen", "reason": "why", "link": "https://example.org/1",
         "defect": "a-defect"}


def one_of(number: int, verdict: Verdict) -> Record:
    """Return a record of a verdict with every text that such a record may have."""
    device = "cuda" if verdict is Verdict.UNAVAILABLE else "cpu"
    place = f"it:MASK-{number + 1:02}/linear/given/float32/{device}"
    record = Record(place, verdict, refused_by="package" if verdict is Verdict.REFUSED else "", seconds=0.5)
    for name in sorted(set(_ALLOWED.get(verdict, _TEXTS)) - {"refused_by"}):
        record = replace(record, **{name: TEXTS[name]})
    return record


EACH = tuple(one_of(number, verdict) for number, verdict in enumerate(Verdict))


def whole() -> list[Any]:
    """Return the lines of a report with every verdict as plain data."""
    of = report(EACH)
    assert of.footer is not None
    lines: tuple[Line, ...] = (of.header, *of.records, of.footer)
    return [json.loads(encode(line)) for line in lines]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to every text in a value, and to every key of a dictionary, which ends in `key:`."""
    if isinstance(value, str):
        yield path
    for key, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(one, (*path, key))


def put(value: Any, path: tuple[Any, ...], text: str) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = text


def unsafe(text: str) -> list[str]:
    """Return the invisible characters of a text, other than line breaks and tabs."""
    return sorted({one for one in text if visible(one, "\n\t") != one})


def check_terminal(output: str) -> None:
    assert not unsafe(output)
    assert max(map(len, output.splitlines() or [""])) < 20_000
    assert not any(line.lstrip().startswith("FORGED") for line in output.splitlines())


def check_markdown(text: str) -> None:
    assert not unsafe(text)
    assert len(text) < 300_000
    assert not any(line.lstrip().startswith("FORGED") for line in text.splitlines())
    outside_code = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert not re.search(r"<(?!https?:)[a-z/]", outside_code)
    assert not re.search(r"(?<!\\)\]\(<?(http://x|javascript)", outside_code)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def check_html(text: str) -> None:
    assert not unsafe(text)
    assert len(text) < 2_000_000
    assert "<script>alert" not in text
    assert "<img" not in text


def check_xml(text: str) -> None:
    assert not unsafe(text)
    ElementTree.fromstring(text.encode())
    assert len(text) < 1_000_000


CHECKS = {".xml": check_xml, ".md": check_markdown, ".html": check_html}
COMMANDS = (
    "report {file} --junit {out}.xml --markdown {out}.md", "gate {file} --baseline {good} --markdown {out}.md",
    "gate {good} --baseline {file} --junit {out}.xml --markdown {out}.md", "expect {file}",
    "page {file} --html {out}.html --markdown {out}.md", "versions {file} --html {out}.html --markdown {out}.md",
    "report {good} --carry {file}", "merge {file} --to {out}.jsonl",
)


def check_commands(folder: Path, lines: list[Any]) -> list[int]:
    """Run every command that shows reports, check everything it writes, and return the exit codes."""
    file, good, codes = folder / "file.jsonl", folder / "good.jsonl", list[int]()
    file.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    good.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in whole()))
    for number, command in enumerate(COMMANDS):
        out = folder / f"out{number}"
        result = CliRunner().invoke(main, command.format(file=file, good=good, out=out).split())
        assert result.exception is None or isinstance(result.exception, SystemExit), command
        assert "defect of sparsecheck" not in result.output
        check_terminal(result.output)
        for page in folder.glob(f"{out.name}.*"):
            if page.suffix in CHECKS:
                CHECKS[page.suffix](page.read_text("utf-8"))
        codes.append(result.exit_code)
    return codes


ALL = [path for path in places(whole()) if path[0] in (0, 1, 2, 4, 10)]


@pytest.mark.parametrize("path", ALL, ids=lambda path: ".".join(map(str, path)))
def test_no_text_of_a_report_gets_through(tmp_path: Path, path: tuple[Any, ...]) -> None:
    lines = whole()
    put(lines, path, HOSTILE + "x" * LONG)
    assert set(check_commands(tmp_path, lines)) <= {0, 1, 2, 3}


def test_all_texts_at_once_that_a_report_may_have(tmp_path: Path) -> None:
    """Fields that are compared with each other, or have a fixed form, are left as they are."""
    free = {"distribution", "version", "homepage", "numpy", "python", "platform", "adapter",
            "message", "signature", "reason", "link", "accelerator"}
    lines = whole()
    for path in places(lines):
        if path[-1] in free and path[0] != len(lines) - 1:
            put(lines, path, HOSTILE + str(path[0]) + "x" * LONG)
    codes = check_commands(tmp_path, lines)
    assert codes[0] == 1, "the report is readable, so that its texts were shown"
    for name in ("out0.xml", "out0.md", "out1.md", "out2.xml", "out4.html", "out4.md"):
        assert (tmp_path / name).exists()


def test_a_name_in_every_place_at_once(tmp_path: Path) -> None:
    text = json.dumps(whole()).replace('"it"', json.dumps(HOSTILE + "x" * LONG).replace(":", "")).replace(
        '"it:', json.dumps(HOSTILE + "x" * LONG).replace(":", "")[:-1] + ":")
    check_commands(tmp_path, json.loads(text))


@pytest.mark.parametrize("text", [HOSTILE, "\ud800\udfff", "x" * 10**7, " " * 10**7, "\n" * 10**6, "\x1b" * 10**6,
                                  '"/' * 10**6, "'" + "/a" * 10**6, "`" * 10**6, "/a b" * 10**6])
def test_each_function_bounds_and_escapes_its_text(text: str) -> None:
    begun = time.process_time()
    assert not unsafe(one_line(text))
    assert len(one_line(text)) <= 400
    assert "\n" not in terminal_line(text)
    assert not unsafe(terminal_line(text))
    assert len(terminal_line(text)) < 50_000
    assert not unsafe(xml_text(text))
    assert len(xml_text(text)) < 150_000
    check_markdown(plain(text) + table_row([text, text]) + "\n" + code(text) + link_suffix(text))
    assert len(shorten_paths(printable(text))) < 150_000
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("text", ["é ü 漢字 \N{GRINNING FACE} \u3000\xa0", "plain", "a\tb\nc", ""])
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert visible(text, "\n\t") == printable(text) == xml_text(text) == text


def test_every_character_is_visible_or_escaped() -> None:
    every = "".join(map(chr, range(0x11_0000)))
    shown = visible(every)
    assert shown.encode("utf-8")
    assert not unsafe(shown)
    ElementTree.fromstring(b"<a>" + shown.replace("&", "").replace("<", "").encode() + b"</a>")


def test_templates_escape_what_is_not_markup() -> None:
    shown = render_page("bench.html", ("bench.css",), {"ratio": str, "counts": str}, report=_Anything(), operations=[],
                        memory_columns=(), is_significant=lambda *_: False)
    check_html(shown)
    assert r"\u202e" in shown


class _Anything:
    verdict, load, noise, place, memory, timings = HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, (), ()


PRINT = """
from sparsecheck.commands.streams import standard_streams
from sparsecheck.commands.terminal import echo
with standard_streams():
    echo({!a})
"""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp1252"])
def test_output_takes_every_character_in_every_encoding(encoding: str) -> None:
    command = [sys.executable, "-c", PRINT.format("é \u2028 \ud800 漢 \x1b[31m")]
    shown = subprocess.run(command, capture_output=True, env={"PYTHONIOENCODING": encoding}, check=True)
    assert shown.stderr == b""
    assert shown.stdout.rstrip().endswith(rb"\x1b[31m")
    assert b"\x1b" not in shown.stdout

"""Any bytes in any file that a command reads: one sentence and exit code 2, in bounded memory and time."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from sparsecheck import reading
from sparsecheck.cli import main
from sparsecheck.reading import CannotRead, CutShort, Malformed, NoSuchFile, NotUtf8, TooLarge
from sparsecheck.report.lines import encode
from tests.samples import cell, passed, report

WHOLE = report(passed(cell()))
NESTED = b"[" * 100_000 + b"]" * 100_000
DIGITS = b"9" * 5_000


def lines() -> list[bytes]:
    assert WHOLE.footer is not None
    return [encode(WHOLE.header), *map(encode, WHOLE.records), encode(WHOLE.footer)]


BROKEN = {
    "invalid UTF-8 in a string": lines()[0].replace(b"acme", b"\xff\xfe"),
    "nested too deeply": lines()[0].replace(b'"shard":""', b'"shard":' + NESTED),
    "nested too deeply in an unknown field": lines()[0].replace(b'"shard":""', b'"other":' + NESTED),
    "a number of 5,000 digits": lines()[0].replace(b'"format":2', b'"format":' + DIGITS),
    "binary": bytes(range(256)) * 100,
    "null bytes": b"\0" * 10_000 + b"\n",
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("arguments", [
    "report {}", "merge {} --to out", "gate {} --baseline {}", "page {} --html out", "versions {} --markdown out",
    "expect {}", "diff {} {}", "bench --earlier {}", "report {} --carry {}",
])
def test_unusable_content_is_one_sentence(tmp_path: Path, name: str, arguments: str) -> None:
    file = tmp_path / "file.jsonl"
    file.write_bytes(BROKEN[name])
    result = CliRunner().invoke(main, arguments.format(*[str(file)] * 2).replace("out", str(tmp_path / "out")).split())
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert "defect of sparsecheck" not in result.output
    assert len(result.output.splitlines()) == 1
    assert str(file) in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [
    b"x = " + NESTED, b"x = " + DIGITS, b"x = \"\xff\"", b"\xff\xfe", b"\0", b"x = " + b"{a=" * 10_000, b"a." * 50_000,
])
def test_unusable_toml_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pyproject.toml").write_bytes(content)
    result = CliRunner().invoke(main, ["init", str(tmp_path)])
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert "defect of sparsecheck" not in result.output
    assert len(result.output.splitlines()) == 1
    assert "pyproject.toml" in result.output


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (600 * 2**20,) * 2)
from sparsecheck.cli import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("command", ["report {}", "diff {} {}"])
def test_a_bomb_needs_little_memory_and_time(tmp_path: Path, command: str) -> None:
    file = tmp_path / "bomb.jsonl.gz"
    with gzip.open(file, "wb", 9) as packed:
        for _ in range(256):
            packed.write(b" " * 2**22)
    assert file.stat().st_size < 1.1 * 2**20
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    result = subprocess.run([sys.executable, "-c", LIMITED, *command.format(file, file).split()],
                            capture_output=True, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    assert result.returncode == 2, result.stderr
    assert "has more than 32 MiB" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 20


def test_a_device_without_end_is_too_large() -> None:
    with pytest.raises(TooLarge, match="more than 32 MiB"):
        reading.read_bytes(Path("/dev/zero"))


def test_a_pipe_that_nobody_writes_to_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SILENCE", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CannotRead, match=r"nothing was written to it for 0\.1 seconds"):
        reading.read_bytes(tmp_path / "pipe")


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    pipe, content = tmp_path / "pipe", b"x" * 300_000
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    assert reading.read_bytes(pipe) == content
    writer.join()


@pytest.mark.parametrize(("path", "kind", "reason"), [
    ("absent", NoSuchFile, "No such file"), (".", CannotRead, "Is a directory"), ("x" * 300, CannotRead, "too long"),
    ("a\0b", CannotRead, "null"),
])
def test_what_is_no_readable_file_has_a_reason(tmp_path: Path, path: str, kind: type[CannotRead], reason: str) -> None:
    with pytest.raises(kind, match=reason):
        reading.read_bytes(tmp_path / path)


def test_a_file_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    assert len(reading.read_bytes(tmp_path / "file", 1000)) == 1000
    with pytest.raises(TooLarge):
        reading.read_bytes(tmp_path / "file", 999)


def test_the_line_of_text_that_is_not_utf8_is_named() -> None:
    with pytest.raises(NotUtf8, match="line 3 is not UTF-8: invalid start byte at byte 4"):
        reading.decode(b"a\nb\n\xff")


def test_members_and_padding_of_gzip_are_read() -> None:
    one, other = gzip.compress(b"one"), gzip.compress(b"other")
    assert reading.unpack(one + other + b"\0" * 10) == b"oneother"
    assert reading.unpack(one, 3) == b"one"
    with pytest.raises(TooLarge):
        reading.unpack(one, 2)
    with pytest.raises(CutShort):
        reading.unpack(one[:-1])
    with pytest.raises(Malformed):
        reading.unpack(one + b"rest")


def test_the_end_of_a_log_is_read_however_large_it_is(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.truncate(2**40)
        file.seek(0, os.SEEK_END)
        file.write(b"\xffthe end")
    assert reading.read_end(log, 8) == "\ufffdthe end"
    assert reading.read_end(tmp_path / "absent", 8) == ""


def test_an_expectation_file_larger_than_any_is_refused(tmp_path: Path) -> None:
    from sparsecheck.report.expectation import InvalidExpectations
    from sparsecheck.report.expectation_file import read_expectations

    with (tmp_path / "it.expectations.toml").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(InvalidExpectations, match="more than 1 MiB"):
        read_expectations(tmp_path / "it.expectations.toml", "it")

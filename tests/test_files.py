"""Files are written whole or not at all, and nothing is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sparsecheck.files import CannotWrite, check_writable, is_special, write, write_all

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "report.jsonl"


def test_text_and_bytes_are_written(file: Path) -> None:
    write(file, "caf\N{LATIN SMALL LETTER E WITH ACUTE}\n")
    assert file.read_bytes() == b"caf\xc3\xa9\n"
    write(file, b"\xff\r\n")
    assert file.read_bytes() == b"\xff\r\n"


def test_a_failed_write_keeps_the_older_file_and_leaves_no_part(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, b"old")

    def fails(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(CannotWrite, match=r"report\.jsonl cannot be written \(No space left on device\)"):
        write(file, b"new" * 1000)
    assert file.read_bytes() == b"old"
    assert list(file.parent.iterdir()) == [file]


def test_none_of_several_files_is_written_if_one_cannot_be(tmp_path: Path) -> None:
    good, bad = tmp_path / "a", tmp_path / "no" / "b"
    write(good, "old")
    with pytest.raises(CannotWrite, match="b cannot be written"):
        write_all({good: "new", bad: "new"})
    assert good.read_text() == "old"
    assert list(tmp_path.iterdir()) == [good]


def test_two_writers_leave_one_whole_file(file: Path) -> None:
    contents = [bytes([letter]) * 200_000 for letter in b"abcd"]
    writers = [threading.Thread(target=write, args=(file, content)) for content in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert file.read_bytes() in contents
    assert list(file.parent.iterdir()) == [file]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    target.parent.mkdir()
    link.symlink_to(target)
    for content in ("new file", "replaced file"):
        write(link, content)
        assert link.is_symlink()
        assert target.read_text() == content
    assert list(target.parent.iterdir()) == [target]


def test_a_link_to_itself_cannot_be_written(file: Path) -> None:
    file.symlink_to(file)
    with pytest.raises(CannotWrite):
        write(file, "text")


def test_permissions_are_kept(file: Path) -> None:
    write(file, "old")
    default = file.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    assert default == 0o666 & ~umask
    file.chmod(0o640)
    write(file, "new")
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("path", "reason"),
    [("no/report", "No such file or directory"), ("file/report", "Not a directory"), ("x" * 256, "File name too long"),
     ("folder", "it is a folder"), ("/proc/report", "")],
)
def test_the_check_in_advance_agrees_with_the_write(tmp_path: Path, path: str, reason: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for attempt in (check_writable, lambda path: write(path, "text")):
        with pytest.raises(CannotWrite) as raised:
            attempt(tmp_path / path)
        assert reason in raised.value.reason
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "folder"]


def test_the_check_in_advance_changes_nothing(file: Path) -> None:
    check_writable(file)
    assert list(file.parent.iterdir()) == []
    write(file, "text")
    check_writable(file)
    assert file.read_text() == "text"


def test_a_long_name_is_no_obstacle(tmp_path: Path) -> None:
    file = tmp_path / ("x" * 255)
    check_writable(file)
    write(file, "text")
    assert file.read_text() == "text"


def test_a_pipe_is_written_through(file: Path) -> None:
    os.mkfifo(file)
    seen: list[bytes] = []
    reader = threading.Thread(target=lambda: seen.append(file.read_bytes()))
    reader.start()
    check_writable(file)
    write(file, "text")
    reader.join()
    assert seen == [b"text"]
    assert list(file.parent.iterdir()) == [file]


@needs_full
def test_a_device_is_written_to_and_not_replaced(file: Path) -> None:
    file.symlink_to(FULL)
    assert is_special(file)
    with pytest.raises(CannotWrite, match="No space left"):
        write(file, "text")
    assert file.is_symlink()


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_keeps_its_order(tmp_path: Path, name: str) -> None:
    """Also where it leads to a regular file, which must not be replaced or truncated."""
    code = f"""if True:
        from pathlib import Path
        from sparsecheck.files import check_writable, write
        check_writable(Path({name!r}))
        print("before")
        write(Path({name!r}), "report\\n")
        print("after")
    """
    out = tmp_path / "out"
    with out.open("wb") as stream:
        subprocess.run([sys.executable, "-c", code], stdout=stream, check=True)
    assert out.read_text() == "before\nreport\nafter\n"
    assert list(tmp_path.iterdir()) == [out]


def test_the_hint_says_what_to_do_next(file: Path) -> None:
    with pytest.raises(CannotWrite) as raised:
        write(file / "no", "text", "Name another file with --report.")
    assert str(raised.value).endswith("(No such file or directory). Name another file with --report.")

"""Readings of stored states: their file, and the table that `sparsecheck states` prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sparsecheck.cli import main
from sparsecheck.features.states import readings as readings_file
from sparsecheck.features.states.readings import InvalidReadings, Reading
from sparsecheck.features.states.stored_states import Maker
from sparsecheck.features.states.table import render_table


def _reading(wrote: str, read: str, verdict: readings_file.Verdict = "restored", finding: str = "") -> Reading:
    maker, reader = (Maker(f"{release}.0+cpu", "2.0", "3.11.1", "0.1", "1") for release in (wrote, read))
    return Reading(sparsifier="it", written=wrote, maker=maker, reader=reader, date="2026-01-31", verdict=verdict,
                   finding=finding)


def test_truncated_readings_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "it.jsonl"
    readings_file.write([_reading("2.1", "2.13"), _reading("2.4", "2.13")], file)
    whole = file.read_bytes().splitlines(keepends=True)
    for lines in (whole[:-1], whole[1:], []):
        file.write_bytes(b"".join(lines))
        with pytest.raises(InvalidReadings, match=r"it.jsonl (contains|is not a complete)"):
            readings_file.read(file)
        assert CliRunner().invoke(main, ("states", "show", str(file))).exit_code == 2


def test_the_table_shows_writing_by_reading_release() -> None:
    readings = [_reading("2.13", "2.4"), _reading("2.4", "2.13", "failed", "why"), _reading("2.4", "2.4")]
    assert list(render_table(readings)) == [
        "it",
        "  written \\ read  2.4          2.13",
        "  2.4             restored     FAILED",
        "  2.13            restored     -",
        "  2.4 read under 2.13: why",
        "3 readings: 2 restored, 1 failed",
    ]
    assert readings_file.exit_code(readings) == 1
    assert readings_file.exit_code(readings[:1]) == 0


def test_equal_findings_are_shown_once_with_all_their_states() -> None:
    readings = [_reading(wrote, read, "failed", "why") for read in ("2.13", "2.4") for wrote in ("2.13", "2.4")]
    readings += [_reading("2.4", "2.14", "failed", "why"), _reading("2.13", "2.14", "failed", "another")]
    assert [line for line in render_table(readings) if "why" in line or "another" in line] == [
        "  all read under 2.4, 2.13; 2.4 read under 2.14: why",
        "  2.13 read under 2.14: another",
    ]


@pytest.mark.cold
def test_show_does_not_need_torch(tmp_path: Path) -> None:
    readings_file.write([_reading("2.1", "2.13")], tmp_path / "it.jsonl")
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from sparsecheck.cli import main\n"
        f"main(['states', 'show', {str(tmp_path / 'it.jsonl')!r}])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")

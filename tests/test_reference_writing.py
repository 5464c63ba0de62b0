"""Writing references: changes need a reason, and problems are reported with the right exit code."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sparsecheck.cli import main
from sparsecheck.features.references import manage
from sparsecheck.oracle import random_numbers, reference_tensors, references
from sparsecheck.oracle.references import StaleReference
from tests.tampered import (
    DAY,
    LINEAR,
    contents,
    copied,
    edit,
    edit_manifest,
    flip_last_byte,
    only,
    raised_by_load,
    record_anew,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(tmp_path)


def test_written_references_are_clean_and_deterministic(tmp_path: Path) -> None:
    found = [manage.write(tmp_path / name, "First.", DAY) for name in ("one", "two")]
    assert [change.file for change in found[0]] == sorted(map(references.file_of, reference_tensors.NETWORKS))
    assert manage.check(tmp_path / "one") == []
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert set(contents(tmp_path / "one")) == {"MANIFEST.json", "PROVENANCE.md", *(change.file for change in found[0])}


def test_a_write_without_changes_writes_nothing(folder: Path) -> None:
    before = contents(folder)
    assert manage.write(folder, "because", DAY) == ()
    assert contents(folder) == before


@pytest.mark.parametrize("reason", ["", " \n"])
def test_a_write_without_a_reason_is_refused(tmp_path: Path, reason: str) -> None:
    with pytest.raises(manage.EmptyReason, match="references never change without a reason"):
        manage.write(tmp_path, reason, DAY)
    assert contents(tmp_path) == {}


def test_a_write_repairs_one_file_and_logs_it(folder: Path) -> None:
    before, entries = contents(folder), references.read_manifest(folder).files
    edit(folder, flip_last_byte)
    [found] = manage.write(folder, "A byte\nhad flipped.", DAY)
    assert (found.file, found.damage.startswith(f"reference {LINEAR}: its sha256 is ")) == (LINEAR, True)
    after, new = contents(folder), references.read_manifest(folder).files
    assert {name for name in after if after[name] != before[name]} == {"MANIFEST.json", "PROVENANCE.md"}
    assert {name: entry for name, entry in new.items() if name != LINEAR} == {
        name: entry for name, entry in entries.items() if name != LINEAR
    }
    assert (new[LINEAR].date, new[LINEAR].reason) == ("2026-01-31", "A byte had flipped.")
    assert after["PROVENANCE.md"] == before["PROVENANCE.md"] + (
        b"\n## 2026-01-31\n\nA byte had flipped.\n\n- `oracle/linear.safetensors`: 37 tensors added\n"
    )
    assert manage.check(folder) == []


def test_a_write_removes_files_without_an_oracle(folder: Path) -> None:
    shutil.copy(folder / LINEAR, folder / "oracle/old.safetensors")
    edit_manifest(folder, lambda files: files.update({"oracle/old.safetensors": files[LINEAR]}))
    assert type(only(folder)) is StaleReference
    [found] = manage.write(folder, "Retired.", DAY)
    assert {tensor.kind for tensor in found.tensors} == {"removed"}
    assert not (folder / "oracle/old.safetensors").exists()
    assert manage.check(folder) == []


def test_a_write_removes_entries_without_file_and_oracle(folder: Path) -> None:
    edit_manifest(folder, lambda files: files.update({"oracle/old.safetensors": files[LINEAR]}))
    [found] = manage.write(folder, "Retired.", DAY)
    assert (found.file, found.tensors, found.damage.partition(" (")[0]) == (
        "oracle/old.safetensors", (), "reference oracle/old.safetensors: it cannot be read"
    )
    assert manage.check(folder) == []


def test_an_interrupted_write_is_detected(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_numbers, "reals", lambda name, shape, reals=random_numbers.reals: -reals(name, shape))
    monkeypatch.setattr(manage, "version", lambda name: [][0])
    with pytest.raises(IndexError):
        manage.write(folder, "because", DAY)
    assert [type(problem) for problem in manage.check(folder)] == [StaleReference] * 3


def test_diff_and_check_change_nothing(folder: Path) -> None:
    edit(folder, flip_last_byte)
    before = contents(folder)
    manage.check(folder)
    manage.difference(folder)
    raised_by_load(folder)
    assert contents(folder) == before


# ------------------------------------------------------------------- the command


def _call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["reference", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_on_intact_references(folder: Path) -> None:
    at = ("--folder", str(folder))
    fine = f"the references in {folder} are complete and equal to the oracles' results\n"
    assert _call("check", *at) == (0, fine, "")
    assert _call("diff", *at) == (0, "nothing would change\n", "")
    assert _call("write", "--reason", "because", *at) == (0, "nothing differs, so nothing was written\n", "")


def test_the_command_on_stale_references(folder: Path) -> None:
    record_anew(folder, lambda tensors: tensors["output/given"].__setitem__((1, 2), 100.0))
    code, out, err = _call("check", "--folder", str(folder))
    assert (code, out) == (1, "")
    assert err.startswith(f"StaleReference: reference {LINEAR}: the oracles no longer compute")
    code, out, err = _call("diff", "--folder", str(folder))
    assert (code, err) == (1, "")
    [name, head, row] = out.splitlines()
    assert (name, head.split()[:3], row.split()[:5]) == (
        LINEAR, ["tensor", "entries", "largest"], ["output/given", "changed", "1", "of", "48"]
    )
    assert row.endswith("  (1, 2)")
    code, out, err = _call("write", "--reason", "because", "--folder", str(folder))
    assert (code, out.splitlines()[0], out.splitlines()[-1]) == (0, LINEAR, f"written to {folder}")
    assert _call("check", "--folder", str(folder))[0] == 0


def test_the_command_on_damaged_references(folder: Path) -> None:
    edit(folder, flip_last_byte)
    code, out, err = _call("check", "--folder", str(folder))
    assert (code, out) == (2, "")
    assert err.startswith(f"TamperedReference: reference {LINEAR}: its sha256 is ")
    code, out, err = _call("diff", "--folder", str(folder))
    assert (code, err) == (2, "")
    assert out.startswith(f"{LINEAR}\n  unusable, to be written again: reference {LINEAR}: its sha256 is ")


def test_the_command_on_a_stray_file(folder: Path) -> None:
    (folder / "oracle/old.safetensors").write_bytes(b"")
    said = (
        "OrphanReference: reference oracle/old.safetensors: MANIFEST.json has no entry for it: delete it, or write it "
        "with `sparsecheck reference write --reason TEXT`\n"
    )
    assert _call("check", "--folder", str(folder)) == (2, "", said)
    assert _call("diff", "--folder", str(folder)) == (2, "nothing would change\n", said)
    code, out, err = _call("write", "--reason", "because", "--folder", str(folder))
    assert (code, out) == (2, "")
    assert err.startswith("sparsecheck: reference oracle/old.safetensors: ")


@pytest.mark.parametrize("arguments", ["write", "write --reason=", "check --folder=nowhere", "mend"])
def test_bad_usage_of_the_command(arguments: str) -> None:
    code, _, err = _call(*arguments.split())
    assert code == 2
    assert err.splitlines()[-1].startswith(("Error: ", "sparsecheck: references never change"))


@pytest.mark.cold
def test_the_check_does_not_need_torch() -> None:
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from sparsecheck.features.references.command import reference\n"
        "reference(['check'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")

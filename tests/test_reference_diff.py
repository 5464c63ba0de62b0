"""Differences of references: extent, position, ULP, and pictures of changed masks."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from click.testing import CliRunner

from sparsecheck.cli import main
from sparsecheck.features.references import manage
from sparsecheck.features.references.render import render_change
from sparsecheck.oracle import references
from sparsecheck.oracle.mask_picture import COLUMNS, ROWS, picture
from sparsecheck.oracle.references import ChangedBytes
from sparsecheck.oracle.tensor_changes import LastBits, changes, last_bits
from sparsecheck.oracle.ulps import describe_bit_changes, ulps
from tests.tampered import DAY, LINEAR, copied, edit_manifest, record_anew

MASK = "mask/unstructured-0.5/layer1.weight"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(tmp_path)


def _call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["reference", *arguments])
    return result.exit_code, result.stdout, result.stderr


# ------------------------------------------------------------------------- ULPs


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_ulps_count_the_floats_between(dtype: type[np.floating]) -> None:
    one, tiny = dtype(1), np.finfo(dtype).smallest_subnormal
    pairs = [
        (one, np.nextafter(one, dtype(2)), 1), (one, np.nextafter(one, dtype(0)), 1), (-one, one, None),
        (tiny, -tiny, 2), (dtype(0.0), dtype(-0.0), 0), (dtype("nan"), one, 0),
        (one, dtype(2), 1 / np.finfo(dtype).eps),
    ]
    for before, after, steps in pairs:
        seen = [int(ulps(np.array([a]), np.array([b]))[0]) for a, b in ((before, after), (after, before))]
        assert seen == [2 * int(one.view(f"u{one.itemsize}")) if steps is None else steps] * 2


def test_bitwise_differences_are_counted() -> None:
    was = np.array([1.0, 0.0, 2.0], np.float32)
    assert describe_bit_changes(was, was.copy()) == ""
    becomes = np.array([1.0, -0.0, np.nextafter(np.float32(2), np.float32(3))], np.float32)
    assert describe_bit_changes(was, becomes) == "2 of 3 entries differ in the last bits, by at most 1 ULP"


# ---------------------------------------------------------------------- changes


def test_a_change_shows_its_extent_and_position() -> None:
    was = np.zeros((3, 2), np.float32)
    becomes = np.array([[0, 1], [0, 2], [3, 4]], np.float32)
    [found] = changes({"a": was}, {"a": becomes})
    assert (found.count, found.size, found.largest, found.mean) == (4, 6, 4.0, 2.5)
    assert found.indices == ((0, 1), (1, 1), (2, 0))
    assert found.ulp == int(np.float32(4).view("u4"))
    assert list(render_change(manage.FileChange("f", (found,)))) == [
        "f",
        "  tensor           entries  largest  mean  ULP         first at",
        "  a       changed  4 of 6   4        2.5   1082130432  (0, 1), (1, 1), (2, 0), ...",
    ]


def test_other_dtypes_than_floats_have_no_ulp() -> None:
    [found] = changes({"a": np.array([1, 2])}, {"a": np.array([1, 5])})
    assert (found.ulp, found.largest, found.picture) == (None, 3.0, ())
    assert " -  " in list(render_change(manage.FileChange("f", (found,))))[-1]


def test_last_bit_differences_are_notes() -> None:
    near = np.array([1.0, np.nextafter(np.nextafter(1.0, 2), 2)])
    was = {"far": np.array([1.0, 2.0]), "near": np.array([1.0, 1.0]), "zero": np.array([0.0], np.float32)}
    becomes = {"far": np.array([9.0, 2.0]), "near": near, "zero": np.array([-0.0], np.float32)}
    assert [one.name for one in changes(was, becomes)] == ["far"]
    assert last_bits(was, becomes) == (LastBits("near", 1, 2, 2), LastBits("zero", 1, 1, 0))
    assert [str(one) for one in last_bits(was, becomes)] == [
        "near: 1 of 2 entries differ in the last bits, by at most 2 ULP",
        "zero: 1 of 1 entries differ in the last bits, in the sign of a zero",
    ]
    assert last_bits(was, was) == ()


# --------------------------------------------------------------------- pictures


def test_a_mask_picture_has_four_characters() -> None:
    was, becomes = np.array([[1, 1, 0, 0]] * 2, bool), np.array([[1, 0, 1, 0], [1, 1, 0, 0]], bool)
    assert picture(was, becomes) == ("#-+.", "##..")


def test_a_large_picture_is_cropped_to_where_it_differs() -> None:
    was = np.zeros((100, 300), bool)
    becomes = was.copy()
    becomes[50, 250] = becomes[0, 0] = becomes[99, 299] = True
    becomes[0, 0] = False
    *lines, note = picture(was, becomes)
    assert (len(lines), {len(line) for line in lines}) == (ROWS, {COLUMNS})
    assert "".join(lines).count("+") == 1
    assert lines[4][250 - 234] == "+"
    assert note == "rows 46 to 61 of 100, columns 234 to 297 of 300; 1 more entries that differ are not shown"


@pytest.mark.parametrize(("shape", "first"), [((4,), "++++"), ((2, 3, 2), "++++++"), ((), "+")])
def test_a_picture_of_any_shape(shape: tuple[int, ...], first: str) -> None:
    was = np.zeros(shape, bool)
    lines = picture(was, ~was)
    assert (lines[0], len(lines) * len(first)) == (first, max(1, math.prod(shape)))


def test_a_picture_of_nothing() -> None:
    assert picture(np.zeros((0, 3), bool), np.zeros((0, 3), bool)) == ()


# ------------------------------------------------------------------ the command


def test_diff_draws_the_mask_that_changes(folder: Path) -> None:
    def swap(tensors: dict[str, np.ndarray]) -> None:
        mask = tensors[MASK]
        kept, removed = np.flatnonzero(mask[0])[0], np.flatnonzero(~mask[0])[0]
        mask[0, kept], mask[0, removed] = False, True

    record_anew(folder, swap)
    code, out, _ = _call("diff", "--folder", str(folder))
    lines = out.splitlines()
    at = lines.index(f"  {MASK}: # kept, . removed, + newly kept, - newly removed")
    drawn = lines[at + 1 : at + 17]
    assert code == 1
    assert drawn[0].count("+") == drawn[0].count("-") == 1
    assert not set("".join(drawn[1:])) - set("#. ")
    assert f"{MASK}  changed  2 of 192" in out


def test_last_bit_differences_are_noted_and_written(folder: Path) -> None:
    record_anew(folder, lambda tensors: tensors["output/given"].__imul__(1 + 2e-15))
    code, out, err = _call("check", "--folder", str(folder))
    assert (code, err) == (0, "")
    assert f"\nnote: {LINEAR}: output/given: 48 of 48 entries differ in the last bits, by at most " in out
    code, out, err = _call("diff", "--folder", str(folder))
    assert (code, err) == (0, "")
    assert out.startswith(f"{LINEAR}\n  note: output/given: 48 of 48 entries differ in the last bits, by at most ")
    manage.write(folder, "It sums in another order.", DAY)
    log = (folder / manage.PROVENANCE).read_text().splitlines()[-5:]
    assert log[:4] == ["## 2026-01-31", "", "It sums in another order.", ""]
    assert log[4].startswith(f"- `{LINEAR}`: 1 tensors in the last bits of 48 entries, by at most ")
    assert manage.check(folder, exact=True) == []


def test_the_log_summarizes_the_changes(folder: Path) -> None:
    record_anew(folder, lambda tensors: tensors["output/given"].__setitem__((1, 2), 100.0))
    [found] = manage.write(folder, "Mended.", DAY)
    [change] = found.tensors
    assert (folder / manage.PROVENANCE).read_text().splitlines()[-1] == (
        f"- `{LINEAR}`: 1 tensors changed at 1 of 48 entries, largest difference {change.largest:.3g}, "
        f"at most {change.ulp} ULP"
    )


# ------------------------------------------------------------------------ bytes


def test_the_committed_references_are_reproduced_byte_for_byte() -> None:
    assert manage.check(references.home(), exact=True) == []
    assert _call("check", "--bytes")[1].endswith("equal, byte for byte, to the oracles' results\n")


def test_a_changed_bit_is_found_in_the_bytes(folder: Path) -> None:
    record_anew(folder, lambda tensors: tensors["output/given"].__imul__(1 + 2e-15))
    code, out, err = _call("check", "--bytes", "--folder", str(folder))
    assert (code, out) == (1, "")
    assert err.startswith(f"ChangedBytes: reference {LINEAR}: computed again, its sha256 is ")
    assert ": output/given: 48 of 48 entries differ in the last bits" in err


def test_another_serialization_of_equal_tensors_is_found(folder: Path) -> None:
    data = safetensors.numpy.save(safetensors.numpy.load((folder / LINEAR).read_bytes()), {"by": "another"})
    (folder / LINEAR).write_bytes(data)
    new = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    edit_manifest(folder, lambda files: files[LINEAR].update(new))
    assert manage.check(folder) == []
    [problem] = manage.check(folder, exact=True)
    assert type(problem) is ChangedBytes
    assert "all tensors are the same, but safetensors " in str(problem)


@pytest.mark.cold
def test_reference_commands_do_not_need_torch(folder: Path) -> None:
    record_anew(folder, lambda tensors: tensors["output/given"].__setitem__((1, 2), 100.0))
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from sparsecheck.features.references.command import reference\n"
        f"reference(['diff', '--folder', {str(folder)!r}], standalone_mode=False)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")

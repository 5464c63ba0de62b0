"""Stored states: they restore under every torch version, and damaged or malicious ones are reported, never executed."""

from __future__ import annotations

import io
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import safetensors.numpy
import torch
from click.testing import CliRunner

from sparsecheck.adapter.discovery import find, load
from sparsecheck.cli import main
from sparsecheck.features.references import manage
from sparsecheck.features.states import readings as readings_file
from sparsecheck.features.states.reading import read_all
from sparsecheck.features.states.readings import Reading
from sparsecheck.features.states.stored_states import File, read_manifest, releases
from sparsecheck.features.states.writing import AlreadyStored, NotOffered, write
from sparsecheck.oracle import references
from tests.faulty import written
from tests.tampered import DAY, contents, copied

RELEASE = "2.13"
STATE, SEEN = f"{RELEASE}/exemplar.pt", f"{RELEASE}/exemplar.safetensors"
UNSAFE = {"torch-ao-nearly-diagonal", "torch-ao-weight-norm-l1", "torch-ao-weight-norm-l2"}


def _home() -> Path:
    return Path(__file__).parents[1] / "reference" / references.STATES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the state of the exemplar only."""
    folder = tmp_path / "states"
    (folder / RELEASE).mkdir(parents=True)
    for file in (STATE, SEEN, f"{RELEASE}/MANIFEST.json"):
        shutil.copy(_home() / file, folder / file)
    _edit_manifest(folder, lambda states: [states.pop(name) for name in list(states) if name != "exemplar"])
    return folder


def _edit_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = folder / RELEASE / "MANIFEST.json"
    manifest = msgspec.json.decode(file.read_bytes())
    change(manifest["states"])
    file.write_bytes(msgspec.json.encode(manifest))


def _vouched(folder: Path, file: str, data: bytes) -> None:
    """Replace the content of a file, and update its hash in the manifest."""
    (folder / file).write_bytes(data)
    _edit_manifest(folder, lambda states: states["exemplar"]["files"].update(
        {file.partition("/")[2]: msgspec.to_builtins(File.of(data))}
    ))


def _read(folder: Path, *names: str) -> list[Reading]:
    return list(read_all(folder, names, (), DAY))


def _only(folder: Path) -> Reading:
    [reading] = _read(folder)
    return reading


# -------------------------------------------------------------- what is committed


def test_the_committed_states_restore_here() -> None:
    recorded = {(release, name) for release in releases(_home()) for name in read_manifest(_home(), release).states}
    readings = _read(_home())
    assert {(one.written, one.sparsifier) for one in readings} == recorded
    assert len(recorded) == len(readings) >= 11
    assert {one.sparsifier for one in readings if one.verdict == "known"} == UNSAFE
    assert {one.verdict for one in readings} <= {"restored", "known", "unavailable"}
    assert sum(one.verdict == "restored" for one in readings) >= 8


def test_the_committed_states_are_small() -> None:
    sizes = {path: path.stat().st_size for path in _home().rglob("*") if path.suffix in (".pt", ".safetensors")}
    assert max(sizes.values()) < 8192


def test_states_are_not_references() -> None:
    assert manage.check(_home().parent) == []


def test_an_unknown_file_among_references_is_an_orphan(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    shutil.copytree(folder / "states", folder / "more")
    assert len(manage.check(folder)) == len(list((folder / "more").rglob("*.safetensors")))


# ------------------------------------------------------------------ what is wrong


def test_an_intact_state_is_restored(folder: Path) -> None:
    reading = _only(folder)
    assert (reading.verdict, reading.finding, reading.written, reading.reader.torch) == (
        "restored", "", RELEASE, str(torch.__version__)
    )
    assert reading.maker is not None
    assert reading.maker.release == RELEASE


@pytest.mark.parametrize("file", [STATE, SEEN])
def test_a_flipped_bit_is_detected(folder: Path, file: str) -> None:
    data = bytearray((folder / file).read_bytes())
    data[-1] ^= 1
    (folder / file).write_bytes(data)
    assert _only(folder).verdict == "damaged"
    assert _only(folder).finding.startswith(f"{file}: its sha256 is ")


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"size": 1}], ids=str)
def test_a_manifest_with_another_hash_is_detected(folder: Path, change: dict[str, object]) -> None:
    _edit_manifest(folder, lambda states: states["exemplar"]["files"]["exemplar.pt"].update(change))
    assert _only(folder).verdict == "damaged"
    assert "MANIFEST.json records" in _only(folder).finding


def test_a_missing_file_is_detected(folder: Path) -> None:
    (folder / STATE).unlink()
    reading = _only(folder)
    assert (reading.verdict, reading.finding.partition(" (")[0]) == ("damaged", f"{STATE}: it cannot be read")


@pytest.mark.parametrize("text", ["", "{", '{"states": {"../x": 1}}', '{"format": 2}', '{"files": {}}'])
def test_an_invalid_manifest_is_detected(folder: Path, text: str) -> None:
    (folder / RELEASE / "MANIFEST.json").write_text(text)
    assert (_only(folder).sparsifier, _only(folder).verdict) == ("", "damaged")


def test_a_manifest_that_points_outside_its_folder_is_detected(folder: Path) -> None:
    def lead(states: dict[str, Any]) -> None:
        files = states["exemplar"]["files"]
        files["../exemplar.pt"] = files.pop("exemplar.pt")

    _edit_manifest(folder, lead)
    assert (_only(folder).verdict, "is not one that sparsecheck writes" in _only(folder).finding) == ("damaged", True)


def test_a_file_missing_from_the_manifest_is_detected(folder: Path) -> None:
    shutil.copy(folder / STATE, folder / RELEASE / "old.pt")
    assert [one.verdict for one in _read(folder)] == ["restored", "damaged"]
    assert _read(folder)[1].finding.startswith(f"{RELEASE}/old.pt: MANIFEST.json has no entry for it")


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"no tensors", "it is not a safetensors file"),
     (safetensors.numpy.save({"input": np.zeros(1, np.float32)}), "it has no input or no output")],
)
def test_an_invalid_file_of_masks_and_output_is_detected(folder: Path, data: bytes, said: str) -> None:
    _vouched(folder, SEEN, data)
    assert (_only(folder).verdict, said in _only(folder).finding) == ("damaged", True)


def _seen_otherwise(folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> Reading:
    tensors = {name: array.copy() for name, array in safetensors.numpy.load((folder / SEEN).read_bytes()).items()}
    change(tensors)
    _vouched(folder, SEEN, safetensors.numpy.save(tensors))
    return _only(folder)


def test_another_mask_fails(folder: Path) -> None:
    reading = _seen_otherwise(folder, lambda seen: seen["mask/layer1.weight"].__setitem__((0, 0), False))
    assert (reading.verdict, reading.finding) == (
        "failed",
        "mask-differs: restored: mask of layer1.weight of shape (8, 24) differs at 1 of 192 entries, first at (0, 0): "
        "expected False, seen True",
    )


def test_an_additional_mask_fails(folder: Path) -> None:
    reading = _seen_otherwise(folder, lambda seen: seen.update({"mask/other": seen["mask/layer1.weight"]}))
    assert (reading.verdict, reading.finding.partition(":")[0]) == ("failed", "mask-missing")


def test_another_output_fails(folder: Path) -> None:
    reading = _seen_otherwise(folder, lambda seen: seen["output"].__iadd__(1e-3))
    assert (reading.verdict, reading.finding.partition(":")[0]) == ("failed", "output-differs")


@pytest.fixture
def made_here(folder: Path) -> Path:
    """Return the exemplar's state with the output of this processor; others may differ in the last bits."""
    write(folder, load(find("exemplar")), DAY, replace=True)
    return folder


def test_an_equal_output_has_no_difference(made_here: Path) -> None:
    assert (_only(made_here).verdict, _only(made_here).moved) == ("restored", "")


def test_an_output_within_tolerance_is_described(made_here: Path) -> None:
    def nudge(seen: dict[str, np.ndarray]) -> None:
        seen["output"][0, 0] = np.nextafter(seen["output"][0, 0], np.float32(9))

    reading = _seen_otherwise(made_here, nudge)
    assert (reading.verdict, reading.moved) == (
        "restored", "1 of 72 entries differ in the last bits, by at most 1 ULP"
    )


def test_a_state_that_is_not_a_pair_fails(folder: Path) -> None:
    file = io.BytesIO()
    torch.save({"layer1.weight": torch.zeros(1)}, file)
    _vouched(folder, STATE, file.getvalue())
    assert _only(folder).finding == "no-state: the saved state is not a pair of state dict and sidecar, but dict"


def test_a_state_without_a_weight_fails(folder: Path) -> None:
    model, sidecar = torch.load(folder / STATE, weights_only=True)
    del model["layer10.weight"]
    file = io.BytesIO()
    torch.save((model, sidecar), file)
    _vouched(folder, STATE, file.getvalue())
    assert (_only(folder).verdict, _only(folder).finding.partition(" RuntimeError")[0]) == (
        "failed", "restoring it raises"
    )


# ------------------------------------------------------------- what is not to run


class _Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_the_malicious_pickles_do_execute_code(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(_Evil(tmp_path / "mark")))
    assert (tmp_path / "mark").exists()


def test_malicious_pickles_are_not_executed(folder: Path, tmp_path: Path) -> None:
    file = io.BytesIO()
    torch.save(({"layer1.weight": _Evil(tmp_path / "mark")}, {}), file)
    _vouched(folder, STATE, file.getvalue())
    reading = _only(folder)
    assert not (tmp_path / "mark").exists()
    assert reading.verdict == "unsafe"
    assert reading.finding.startswith("unsafe-to-load: the saved state does not load with weights_only=True: ")


def _older(evil: _Evil) -> bytes:
    file = io.BytesIO()
    torch.save((evil, {}), file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def _torch_script(evil: _Evil) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(evil))
        archive.writestr("archive/constants.pkl", pickle.dumps(evil))
    return file.getvalue()


@pytest.mark.parametrize("make", [pickle.dumps, _older, _torch_script, lambda evil: b"", lambda evil: b"PK"])
def test_other_formats_are_not_loaded(
    folder: Path, tmp_path: Path, make: Callable[[_Evil], bytes]
) -> None:
    _vouched(folder, STATE, make(_Evil(tmp_path / "mark")))
    reading = _only(folder)
    assert not (tmp_path / "mark").exists()
    assert (reading.verdict, "not an archive of torch.save" in reading.finding) == ("damaged", True)


# ---------------------------------------------------------------- what is not here


def test_a_missing_sparsifier_is_unavailable(folder: Path) -> None:
    _edit_manifest(folder, lambda states: states.update({"gone": {**states["exemplar"], "files": {
        f"gone.{end}": states["exemplar"]["files"][f"exemplar.{end}"] for end in ("pt", "safetensors")
    }}}))
    for file in (STATE, SEEN):
        shutil.copy(folder / file, folder / file.replace("exemplar", "gone"))
    reading = _read(folder, "gone")[0]
    assert (reading.verdict, reading.finding) == ("unavailable", "no sparsifier is registered here as gone")
    assert readings_file.exit_code([reading]) == 1, "nothing was restored"
    assert readings_file.exit_code(_read(folder)) == 0


# ---------------------------------------------------------------------- the writer


def test_a_written_state_restores_and_is_not_overwritten(tmp_path: Path) -> None:
    found = load(find("exemplar"))
    kept = write(tmp_path, found, DAY)
    assert (kept.date, kept.maker.torch, kept.distribution) == ("2026-01-31", str(torch.__version__), "sparsecheck")
    before = contents(tmp_path)
    with pytest.raises(AlreadyStored, match="it was written on 2026-01-31 under torch"):
        write(tmp_path, found, DAY)
    assert contents(tmp_path) == before
    write(tmp_path, found, DAY, replace=True)
    assert contents(tmp_path) == before, "the same state makes the same files"
    assert _only(tmp_path).verdict == "restored"


def test_adding_a_state_keeps_the_others(tmp_path: Path) -> None:
    for name in ("exemplar", "torch-prune-l1-unstructured"):
        write(tmp_path, load(find(name)), DAY)
    assert [(one.sparsifier, one.verdict) for one in _read(tmp_path)] == [
        ("exemplar", "restored"), ("torch-prune-l1-unstructured", "restored")
    ]


def test_an_unsupported_capability_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotOffered, match="it does not support float32, cpu"):
        write(tmp_path, load(find("torch-sparse-semi-structured")), DAY)
    assert contents(tmp_path) == {}


def test_a_restore_that_takes_masks_from_the_plan_fails(tmp_path: Path) -> None:
    code = (
        "from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter as Base\n"
        "class Forgetful(Base):\n"
        "    def restore(self, dense_model, plan, saved, context):\n"
        "        sparsified = self.attach(dense_model, plan, context)\n"
        "        sparsified.update()\n"
        "        return sparsified\n"
    )
    file = written(tmp_path, code, "forgetful")
    write(tmp_path / "states", load(find("forgetful", [file])), DAY)
    [reading] = read_all(tmp_path / "states", (), (file,), DAY)
    assert (reading.verdict, reading.finding.partition(":")[0]) == ("failed", "mask-differs")


# --------------------------------------------------------------------- the command


def _call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ("states", *arguments))
    return result.exit_code, result.stdout, result.stderr


def test_the_command_writes_reads_and_shows(tmp_path: Path) -> None:
    folder, file = tmp_path / "states", tmp_path / "readings.jsonl"
    code, out, _ = _call("write", str(folder), "exemplar", "torch-sparse-semi-structured")
    assert (code, out.splitlines()[1]) == (
        0, "torch-sparse-semi-structured: skipped, it does not support float32, cpu"
    )
    assert out.startswith(f"exemplar: written under torch {torch.__version__}, ")
    assert _call("write", str(folder), "exemplar")[1].startswith("exemplar: unchanged, it was written on ")
    code, out, err = _call("read", str(folder), "--json", str(file))
    assert (code, err, out.splitlines()[-1]) == (0, "", "1 readings: 1 restored")
    assert _call("show", str(file)) == (0, out, "")
    [reading] = readings_file.read(file)
    assert (reading.sparsifier, reading.verdict) == ("exemplar", "restored")


def test_the_command_fails_on_a_state_that_does_not_restore(folder: Path, tmp_path: Path) -> None:
    _vouched(folder, SEEN, b"no tensors")
    code, out, _ = _call("read", str(folder), "--json", str(tmp_path / "it.jsonl"))
    assert code == 1
    assert f"  {RELEASE}            DAMAGED" in out.splitlines()
    assert _call("show", str(tmp_path / "it.jsonl"))[0] == 1


def test_bad_usage_of_the_command(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert _call("read", str(tmp_path / "empty"))[0] == 2
    assert _call("read", str(tmp_path / "nowhere"))[0] == 2
    code, _, err = _call("read", str(folder), "exemplar", "exemplar-structural")
    assert (code, err) == (2, "sparsecheck: named but not read: exemplar-structural\n")
    assert _call("write", str(tmp_path / "new"), "nobody")[0] == 2
    assert _call("write", str(tmp_path / "new"), "torch-sparse-semi-structured")[0] == 2
    assert _call("read", str(folder), "--json", str(tmp_path / "no" / "where"))[0] == 2


def test_a_raising_sparsifier_is_reported_and_the_others_are_written(tmp_path: Path) -> None:
    code = (
        "from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter as Base\n"
        "class Broken(Base):\n"
        "    def attach(self, model, plan, context):\n"
        "        raise ValueError('no such luck')\n"
    )
    file = written(tmp_path, code, "broken")
    code_, out, err = _call("write", str(tmp_path / "states"), "broken", "exemplar", "--adapter", str(file))
    assert (code_, err) == (1, "broken: NOT WRITTEN, ValueError: no such luck\n")
    assert out.startswith("exemplar: written")

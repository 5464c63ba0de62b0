"""Every way a stored reference can be wrong is named, and a right one is accepted."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from sparsecheck.adapter.shipped.exemplar import CONTRACT, ExemplarAdapter
from sparsecheck.catalogue import requirement
from sparsecheck.catalogue.axes import canonical_pattern
from sparsecheck.features.references import manage
from sparsecheck.oracle import random_numbers, reference_tensors, references, tensor_changes
from sparsecheck.oracle.networks import network
from sparsecheck.oracle.plans import plan_for
from sparsecheck.oracle.ranking import SLACK, kept_units
from sparsecheck.oracle.references import (
    CorruptReference,
    MissingReference,
    OrphanReference,
    StaleReference,
    TamperedReference,
)
from sparsecheck.oracle.units import fixed_mask, unit_scores, units
from sparsecheck.values.contract import Score
from sparsecheck.values.pattern import Pattern
from sparsecheck.values.record import Verdict
from tests.bench_of_one import judge, planned
from tests.faulty import run, written
from tests.samples import declaration
from tests.tampered import (
    DAY,
    FIX,
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


# -------------------------------------------------------------- what is committed


def test_the_committed_references_are_fresh() -> None:
    assert [str(problem) for problem in manage.check(references.home())] == []
    assert manage.difference(references.home()) == ()


def test_the_committed_references_are_small() -> None:
    assert 0 < size_of(references.FOLDER) < 300_000
    assert all(0 < size_of(folder) < 150_000 for folder in releases_in(references.STATES))
    assert 0 < size_of(references.RECORDED) < 1_000_000


COMMITTED = Path(__file__).parent.parent / "reference"


def releases_in(folder: str) -> list[str]:
    found = [path.relative_to(COMMITTED).as_posix() for path in (COMMITTED / folder).iterdir()]
    assert found
    return found


def size_of(folder: str) -> int:
    return sum(path.stat().st_size for path in (COMMITTED / folder).rglob("*") if path.is_file())


def test_the_log_gives_the_last_reason_of_every_file() -> None:
    log = (COMMITTED / manage.PROVENANCE).read_text("utf-8")
    for file, entry in references.read_manifest(references.home()).files.items():
        assert f"`{file}`" in log
        assert f"## {entry.date}\n\n{entry.reason}\n" in log


def test_trials_of_the_requirement_draw_the_networks_and_plans_that_are_stored() -> None:
    assert reference_tensors.SALT == "MASK-28"
    for token in reference_tensors.NETWORKS:
        shapes = {layer.weight: layer.weight_shape for layer in network(token, "MASK-28").weighted}
        stored = references.load(token).parameters
        assert {name: stored[name].shape for name in shapes} == shapes


def test_every_canonical_pattern_has_masks_for_either_magnitude() -> None:
    kinds = ("given", "unstructured", "block", "n_of_m", "any_n_of_m", "channel", "band")
    for kind in kinds:
        pattern = canonical_pattern(declaration(" ".join(other for other in kinds if other != kind)))
        for score in reference_tensors.MAGNITUDES:
            assert set(references.load("linear").masks(pattern, score)) == {"layer1.weight", "block.layer1.weight"}


@pytest.mark.parametrize(
    ("pattern", "score", "key"),
    [
        ("given", "random", "given"), ("band-3", "opaque", "band-3"),
        ("2of4", "magnitude-l1", "2of4"), ("unstructured-0.5", "magnitude-l2", "unstructured-0.5"),
        ("block1x4-0.5", "magnitude-l1", "block1x4-0.5/magnitude-l1"),
        ("channel0-0.5", "magnitude-l2", "channel0-0.5/magnitude-l2"),
        ("2of4", "random", None), ("unstructured-0.3", "magnitude-l1", None),
    ],
)
def test_names_of_stored_masks(pattern: str, score: Score, key: str | None) -> None:
    assert reference_tensors.mask_key(pattern, score) == key


def test_computed_tensors_are_sorted_by_name() -> None:
    names = list(reference_tensors.compute_reference("linear"))
    assert names == sorted(names)


def _scored(token: str) -> list[tuple[str, Score, str, Pattern]]:
    return [
        (pattern, score, name, one)
        for pattern in reference_tensors.PATTERNS
        if token != "conv2d" or pattern in ("unstructured-0.5", "channel0-0.5")
        for score in reference_tensors.MAGNITUDES
        for name, one in plan_for(network(token, "MASK-28"), pattern, "MASK-28").patterns.items()
    ]


@pytest.mark.parametrize("token", reference_tensors.NETWORKS)
def test_no_stored_mask_depends_on_rounding_ties_or_ragged_edges(token: str) -> None:
    saved = references.load(token)
    for pattern, score, name, one in _scored(token):
        weight, mask = saved.parameters[name], saved.masks(pattern, score)[name]
        if fixed_mask(one, weight.shape) is not None:
            continue
        cuts = [
            units(one, weight.shape, msgspec.structs.replace(CONTRACT, score=score, rounding=way, ragged=ragged))
            for way in ("half-even", "floor", "ceil")
            for ragged in ("keep", "prune")
        ]
        assert len({cut.removed for cut in cuts}) == 1
        scores = unit_scores(weight, cuts[0], msgspec.structs.replace(CONTRACT, score=score))
        kept = kept_units(mask, cuts[0], "stored mask")
        for group in range(len(cuts[0].removed)):
            inside = cuts[0].groups == group
            assert scores[inside & kept].min() > scores[inside & ~kept].max() * (1 + 10 * SLACK["float32"])


@pytest.mark.parametrize("token", reference_tensors.NETWORKS)
def test_every_stored_mask_except_band_and_given_removes_half(token: str) -> None:
    for pattern, score, name, _ in _scored(token):
        mask = references.load(token).masks(pattern, score)[name]
        if pattern not in ("given", "band-3"):
            assert int(mask.sum()) * 2 == mask.size
        assert 0 < mask.sum() < mask.size


@pytest.mark.parametrize("token", reference_tensors.NETWORKS)
def test_l1_and_l2_scores_keep_different_units(token: str) -> None:
    saved = references.load(token)
    for pattern in ("channel0-0.5",) if token == "conv2d" else ("channel0-0.5", "block1x4-0.5"):
        first, second = (saved.masks(pattern, score) for score in reference_tensors.MAGNITUDES)
        assert any((first[name] != second[name]).any() for name in first)


@pytest.mark.parametrize("token", reference_tensors.NETWORKS)
def test_different_masks_give_clearly_different_outputs(token: str) -> None:
    tensors = references.load(token).tensors
    outputs = [array for name, array in tensors.items() if name.startswith("output/")]
    for position, one in enumerate(outputs):
        for other in outputs[:position]:
            assert np.abs(one - other).max() > 1e-2


def test_stored_weights_are_exact_in_float32_and_have_distinct_magnitudes() -> None:
    for token in reference_tensors.NETWORKS:
        for name, values in references.load(token).parameters.items():
            assert references.load(token).tensors[f"parameter/{name}"].dtype == np.float32
            assert (values == values.astype(np.float32)).all()
            assert len(np.unique(np.abs(values))) == values.size, name


# ------------------------------------------------------------- what can be wrong


def test_a_missing_file(folder: Path) -> None:
    (folder / LINEAR).unlink()
    assert type(only(folder)) is type(raised_by_load(folder)) is MissingReference
    assert str(only(folder)) == f"reference {LINEAR}: it cannot be read (No such file or directory): {FIX}"
    assert only(folder).file == LINEAR


def test_a_missing_file_with_its_entry(folder: Path) -> None:
    (folder / LINEAR).unlink()
    edit_manifest(folder, lambda files: files.pop(LINEAR))
    assert type(only(folder)) is type(raised_by_load(folder)) is MissingReference
    assert str(only(folder)) == f"reference {LINEAR}: neither the file nor its entry in MANIFEST.json exists: {FIX}"


def test_a_missing_manifest(folder: Path) -> None:
    (folder / "MANIFEST.json").unlink()
    assert type(only(folder)) is type(raised_by_load(folder)) is MissingReference
    assert str(only(folder)).startswith("reference MANIFEST.json: it cannot be read")


@pytest.mark.parametrize("left", [0, 7, 100, -1])
def test_a_truncated_file(folder: Path, left: int) -> None:
    edit(folder, lambda data: data.__delitem__(slice(left, None)))
    assert type(only(folder)) is type(raised_by_load(folder)) is CorruptReference
    assert str(only(folder)).startswith(f"reference {LINEAR}: it is not a safetensors file (")
    assert str(only(folder)).endswith(FIX)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"files": 3}', b'{"files": {}, "more": 1}'])
def test_a_corrupt_manifest(folder: Path, text: bytes) -> None:
    (folder / "MANIFEST.json").write_bytes(text)
    assert type(only(folder)) is type(raised_by_load(folder)) is CorruptReference
    assert str(only(folder)).startswith("reference MANIFEST.json: it is not a valid manifest (")


def test_a_manifest_of_another_format(folder: Path) -> None:
    (folder / "MANIFEST.json").write_bytes(b'{"files": {}, "format": 2}')
    assert type(only(folder)) is CorruptReference
    assert str(only(folder)) == "reference MANIFEST.json: it has format 2; this sparsecheck reads format 1"


@pytest.mark.parametrize("name", ["../up.safetensors", "/etc/oracle/x.safetensors", "oracle/../x.safetensors"])
def test_a_manifest_that_names_a_file_elsewhere(folder: Path, name: str) -> None:
    edit_manifest(folder, lambda files: files.update({name: files[LINEAR]}))
    assert type(only(folder)) is CorruptReference
    assert str(only(folder)) == f"reference MANIFEST.json: {name!r} is not the name of a reference: {FIX}"


def test_one_flipped_byte(folder: Path) -> None:
    sha = references.read_manifest(folder).files[LINEAR].sha256
    edit(folder, flip_last_byte)
    assert type(only(folder)) is type(raised_by_load(folder)) is TamperedReference
    assert f", MANIFEST.json records {sha}: {FIX}" in str(only(folder))


def test_a_file_modified_after_loading_is_detected(folder: Path) -> None:
    assert references.load("linear", folder) is references.load("linear", folder)
    edit(folder, flip_last_byte)
    assert type(raised_by_load(folder)) is TamperedReference


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"size": 1}, {"tensors": {}}], ids=str)
def test_a_tampered_manifest(folder: Path, change: dict[str, object]) -> None:
    references.load("linear", folder)
    edit_manifest(folder, lambda files: files[LINEAR].update(change))
    assert type(only(folder)) is type(raised_by_load(folder)) is TamperedReference
    assert only(folder).file == LINEAR


def test_a_file_without_entry(folder: Path) -> None:
    edit_manifest(folder, lambda files: files.pop(LINEAR))
    assert type(only(folder)) is type(raised_by_load(folder)) is OrphanReference
    assert str(only(folder)) == (
        f"reference {LINEAR}: MANIFEST.json has no entry for it: delete it, or write it with "
        "`sparsecheck reference write --reason TEXT`"
    )


@pytest.mark.parametrize("stray", ["oracle/linear.safetensors.part", "oracle/old.safetensors", "old.safetensors"])
def test_a_stray_file(folder: Path, stray: str) -> None:
    (folder / stray).write_bytes(b"")
    assert type(only(folder)) is OrphanReference
    assert only(folder).file == stray
    before = contents(folder)
    with pytest.raises(OrphanReference):
        manage.write(folder, "because", DAY)
    assert contents(folder) == before


def test_an_oracle_without_an_output_is_stale(folder: Path) -> None:
    record_anew(folder, lambda tensors: tensors["output/given"].__setitem__((1, 2), 100.0))
    was = reference_tensors.compute_reference("linear")["output/given"][1, 2]
    assert type(only(folder)) is type(raised_by_load(folder)) is StaleReference
    assert str(only(folder)) == (
        f"reference {LINEAR}: the oracles no longer compute its values: output/given changed at 1 of 48 entries, "
        f"first at (1, 2), largest difference {100 - was:.3g}; see `sparsecheck reference diff`, and fix the oracles, "
        "or write it again with `sparsecheck reference write --reason TEXT` if the change is intended"
    )


def test_last_bit_differences_of_an_oracle_are_not_stale(folder: Path) -> None:
    record_anew(folder, lambda tensors: tensors["output/given"].__imul__(1 + 1e-15))
    assert manage.check(folder) == []


def test_an_oracle_that_keeps_another_entry_is_stale(folder: Path) -> None:
    record_anew(folder, lambda tensors: np.logical_not(*(tensors["mask/given/layer1.weight"],) * 2))
    assert "mask/given/layer1.weight changed at 192 of 192 entries, first at (0, 0), largest difference 1;" in str(
        only(folder)
    )


def test_added_removed_and_reshaped_tensors_are_stale(folder: Path) -> None:
    def change(tensors: dict[str, np.ndarray]) -> None:
        tensors["input"] = tensors["input"].astype(np.float64)
        tensors["more"] = tensors.pop("output/given")

    record_anew(folder, change)
    assert "input changed from float64 of shape (3, 24) to float32 of shape (3, 24), and 2 more of its 37" in str(
        only(folder)
    )
    [found] = manage.difference(folder)
    assert [str(one) for one in found.tensors[1:]] == ["more removed, 48 entries", "output/given added, 48 entries"]


def test_a_changed_stream_makes_every_reference_stale(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reals = random_numbers.reals
    monkeypatch.setattr(random_numbers, "reals", lambda name, shape: -reals(name, shape))
    assert [type(problem) for problem in manage.check(folder)] == [StaleReference] * 3


def test_the_largest_difference_ignores_entries_within_tolerance() -> None:
    [found] = tensor_changes.changes({"a": np.array([5.0, 1.0])}, {"a": np.array([5.0, 1.25])})
    assert (found.count, found.largest, found.indices) == (1, 0.25, ((1,),))


def test_other_dtypes_than_float64_are_compared_exactly() -> None:
    was, becomes = (np.array([value], dtype=np.float32) for value in (1e-13, 2e-13))
    assert tensor_changes.changes({"a": was}, {"a": becomes})
    assert tensor_changes.changes({"a": was.astype(np.float64)}, {"a": becomes.astype(np.float64)}) == ()


def test_swapped_files_are_detected(folder: Path) -> None:
    references.load("linear", folder)
    (folder / "oracle/conv2d.safetensors").write_bytes((folder / LINEAR).read_bytes())
    edit_manifest(folder, lambda files: files.update({"oracle/conv2d.safetensors": files[LINEAR]}))
    with pytest.raises(StaleReference):
        references.load("conv2d", folder)


def test_missing_masks_are_an_error(folder: Path) -> None:
    saved = references.load("linear", folder)
    with pytest.raises(MissingReference, match=r"no masks are stored for pattern unstructured-0.3 ranked by"):
        saved.masks("unstructured-0.3", "magnitude-l1")
    with pytest.raises(MissingReference, match=r"no masks are stored for pattern 2of4 ranked by random"):
        saved.output("2of4", "random")
    with pytest.raises(MissingReference):
        references.load("conv2d", folder).masks("2of4", "magnitude-l1")


def test_loaded_references_are_read_only(folder: Path) -> None:
    references.load("linear", folder).parameters["layer1.weight"][:] = 0
    assert references.load("linear", folder).parameters["layer1.weight"].all()
    with pytest.raises(ValueError, match="read-only"):
        references.load("linear", folder).inputs[0, 0] = 1.0


def test_a_case_raises_the_problem_of_its_reference(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "home", lambda: folder)
    edit(folder, flip_last_byte)
    [linear, *_] = planned(ExemplarAdapter(), (requirement("MASK-28"),))
    assert linear.cell.layer == "linear"
    record = judge(ExemplarAdapter(), linear)
    assert record.verdict is Verdict.ERROR
    assert record.signature.startswith(f"TamperedReference: reference {LINEAR}: its sha256 is ")


def test_a_wrong_reference_is_an_error_not_a_failure(folder: Path) -> None:
    edit(folder, flip_last_byte)
    adapter = written(
        folder,
        "from pathlib import Path\n"
        "from sparsecheck.oracle import references as reference\n"
        "from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter as Adapter\n"
        f"reference.home = lambda: Path({str(folder)!r})\n"
        "class Innocent(Adapter):\n    pass\n",
        "innocent",
    )
    ended = run(folder, "--adapter", str(adapter), "--cell", "innocent:MASK-28/linear/given/float32/cpu")
    assert ended.report is not None, ended.output
    [record] = ended.report.records
    assert record.verdict is Verdict.ERROR
    assert record.signature.startswith(f"TamperedReference: reference {LINEAR}: its sha256 is ")
    assert ended.code == 3, "to point it to the wrong reference, a part of the harness was replaced"

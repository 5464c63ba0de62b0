"""`sparsecheck diff`: each kind of change between two snapshots is shown, and nothing else."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from sparsecheck.adapter.discovery import find, load
from sparsecheck.cli import main
from sparsecheck.features.diff import bundle, compare, differences
from sparsecheck.features.diff.compare import InputsDiffer, compare_sides, compare_snapshots
from sparsecheck.features.diff.differences import Comparison, Difference, Problem, Side
from sparsecheck.features.diff.render import cut, render_markdown, render_text
from sparsecheck.features.diff.scenarios import Scenario, scenarios_for
from sparsecheck.features.diff.snapshot import (
    DuplicateSparsifier,
    InvalidSnapshot,
    NotASnapshot,
    Snapshot,
    UnsupportedFormat,
    encode,
    read,
    read_all,
)
from sparsecheck.features.diff.take_snapshot import SnapshotUnsupported, take_snapshot
from sparsecheck.features.states.stored_states import release_of
from sparsecheck.oracle import references
from tests.installed import sparsecheck_without
from tests.samples import declaration
from tests.snapshots import (
    CLONE,
    ONE_ULP,
    OTHER_MASK,
    OTHER_TIES,
    RAISES,
    RENAMED,
    SIDECAR,
    snapshot_of,
    variant,
    written,
)

EXAMPLE = Path(__file__).parent.parent / "docs" / "example"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return snapshot_of(variant(tmp_path_factory.mktemp("base")))


def changed(base: Snapshot, folder: Path, **parts: str) -> Difference:
    return compare_snapshots(base, snapshot_of(variant(folder, **parts)))


def sparsecheck(folder: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sparsecheck", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False,
                          env={**os.environ, **environment})


def diff(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["diff", *map(str, arguments)])


# ------------------------------------------------------------------ each kind of change


def test_equal_snapshots_have_no_differences(base: Snapshot, tmp_path: Path) -> None:
    again = snapshot_of(variant(tmp_path / "again"))
    assert encode(again) == encode(base)
    assert compare_snapshots(base, again).is_same
    ended = diff(written(base, tmp_path / "a"), written(again, tmp_path / "b"))
    assert ended.exit_code == 0
    assert ended.stdout.splitlines()[-1] == "nothing changed: 1 sparsifier on 5 scenarios"


def test_another_tie_rule_changes_tied_masks(base: Snapshot, tmp_path: Path) -> None:
    found = changed(base, tmp_path, sparsified=OTHER_TIES)
    assert {one.scenario for one in found.masks} == {"linear/unstructured-0.5/coarse", "linear/2of4/coarse"}
    assert all(one.is_tied and one.now_kept == one.now_removed > 0 for one in found.masks)
    assert {one.scenario for one in found.outputs} == {one.scenario for one in found.masks}
    assert not found.forms


def test_an_extra_clone_changes_only_the_counts(base: Snapshot, tmp_path: Path) -> None:
    found = changed(base, tmp_path, keep=CLONE)
    assert {(one.operation, one.operator, one.after - one.before) for one in found.counts} == {
        ("forward", "aten.clone.default", 2),
    }
    assert len(found.counts) == found.scenarios == 5
    assert (found.masks, found.outputs, found.forms, found.others) == ((), (), (), ())


def test_a_renamed_buffer_is_removed_and_added(base: Snapshot, tmp_path: Path) -> None:
    found = changed(base, tmp_path, keep=RENAMED, sparsified='mask_name = "kept"')
    mask, kept_ = ("layer1.parametrizations.weight.0.mask", "layer1.parametrizations.weight.0.kept")
    forms = {(one.name, bool(one.before), bool(one.after)) for one in found.forms if one.name.startswith("layer1.")}
    assert forms == {(mask, True, False), (kept_, False, True)}
    assert {one.where for one in found.forms} == {"state dict"}
    assert (found.masks, found.outputs, found.counts) == ((), (), ())


def test_an_output_difference_of_one_ulp_is_measured(base: Snapshot, tmp_path: Path) -> None:
    found = changed(base, tmp_path, sparsified=ONE_ULP)
    assert len(found.outputs) == 8
    assert all(one.ulp == 1 and one.count == one.size for one in found.outputs)
    assert all(0 < (one.largest or 0) < 2e-7 for one in found.outputs)
    assert (found.masks, found.forms) == ((), ())


def test_a_wrong_mask_is_not_tied(base: Snapshot, tmp_path: Path) -> None:
    found = changed(base, tmp_path, sparsified=OTHER_MASK)
    plain = [one for one in found.masks if one.scenario == "linear/unstructured-0.5"]
    assert [(one.stage, one.name, one.now_kept, one.now_removed, one.is_tied) for one in plain] == [
        ("update", "layer1.weight", 1, 1, False), ("relevel", "layer1.weight", 1, 1, False),
    ]
    assert plain[0].first == (0, 0)


def test_ties_across_layers_are_recognized_in_joint_ranking(base: Snapshot, tmp_path: Path) -> None:
    """Two entries of equal score, one in either layer, are swapped."""
    scenario, names = "linear/unstructured-0.5/together", ("layer1.weight", "block.layer1.weight")
    swapped = dict(base.tensors)
    for name, keeps in zip(names, (True, False), strict=True):
        mask, dense = (swapped[key].copy() for key in (f"mask {scenario} update {name}", f"dense linear {name}"))
        place = int(np.flatnonzero(mask.ravel() != keeps)[0])
        mask.flat[place], dense.flat[place] = keeps, 0.375
        swapped[f"mask {scenario} update {name}"], swapped[f"dense linear {name}"] = mask, dense
    before = Snapshot(base.metadata, {**base.tensors, **{f"dense linear {name}": swapped[f"dense linear {name}"]
                                                       for name in names}})
    found = compare_snapshots(before, Snapshot(base.metadata, swapped))
    assert [(one.name, one.now_kept, one.is_tied) for one in found.masks] == [(names[0], 1, True), (names[1], 0, True)]


def test_a_new_sidecar_and_a_raising_update_are_shown(base: Snapshot, tmp_path: Path) -> None:
    came = changed(base, tmp_path / "came", sparsified=SIDECAR)
    assert {(one.where, one.name, one.after) for one in came.forms} == {
        ("sidecar", "level", "float32 [2]"), ("sidecar", "note", "str []"),
    }
    raises = changed(base, tmp_path / "raises", sparsified=RAISES)
    assert {(one.what, one.before, one.after) for one in raises.others} == {
        ("raised", "", "relevel: ValueError: no other level"),
    }


def test_another_declaration_and_fewer_scenarios_are_shown(base: Snapshot, tmp_path: Path) -> None:
    found = changed(base, tmp_path, adapter='contract = replace(exemplar.ExemplarAdapter.contract, ties="any")')
    assert [(one.what, one.before, one.after) for one in found.others] == [("declared ties", "lowest index", "any")]
    fewer = Snapshot(replace(base.metadata, results=base.metadata.results[1:]), base.tensors)
    assert [(one.scenario, one.before, one.after) for one in compare_snapshots(base, fewer).others] == [
        ("linear/unstructured-0.5", "present", ""),
    ]


def test_counts_under_another_torch_are_not_a_change(base: Snapshot, tmp_path: Path) -> None:
    other = snapshot_of(variant(tmp_path, keep=CLONE))
    provenance = replace(other.metadata.provenance, torch="2.1.0")
    found = compare_snapshots(base, Snapshot(replace(other.metadata, provenance=provenance), other.tensors))
    assert found.is_same
    assert len(found.counts_elsewhere) == 5
    lines = list(render_text(Comparison(before="a", after="b", differences=(found,))))
    assert lines[2].startswith("nothing changed: 1 sparsifier")
    assert "  counts under another torch" in lines


def test_a_sparsifier_on_one_side_only_is_a_change(base: Snapshot) -> None:
    whole, none = Side("old", {"it": base}, {}), Side("new", {}, {"it": Problem("it crashed")})
    found = compare_sides(whole, none)
    assert not found.is_same
    assert list(render_text(found))[2:] == [
        "0 of 0 sparsifiers the same, 0 changed; 1 on one side only",
        "it: only in old (it crashed)",
    ]


# ------------------------------------------------------------------ numbers


@pytest.mark.parametrize(("one", "other", "ulp"), [
    (1.0, np.nextafter(np.float32(1), np.float32(2)), 1), (0.0, -0.0, 0), (1e-45, -1e-45, 2), (1.0, 2.0, 2**23),
    (1.0, np.nan, None), (np.inf, 1.0, None), (-3.4e38, 3.4e38, 4278162236),
])
def test_ulps_are_counted_across_zero(one: float, other: float, ulp: int | None) -> None:
    values = np.array([one], dtype=np.float32), np.array([other], dtype=np.float32)
    assert compare.ulp_difference(*values) == ulp
    assert compare.ulp_difference(*reversed(values)) == ulp
    wide = np.array([1.0]), np.nextafter(np.array([1.0]), 2)
    assert compare.ulp_difference(*wide) == 1


def test_nans_are_equal_and_zeros_have_a_sign(base: Snapshot) -> None:
    key = next(key for key in base.tensors if key.startswith("output "))
    values = base.tensors[key].copy()
    values.flat[0], values.flat[1] = np.nan, 0.0
    before = Snapshot(base.metadata, {**base.tensors, key: values})
    other = values.copy()
    other.flat[1] = -0.0
    [found] = compare_snapshots(before, Snapshot(base.metadata, {**base.tensors, key: other})).outputs
    assert (found.count, found.ulp) == (1, 0)
    assert compare_snapshots(before, Snapshot(base.metadata, {**base.tensors, key: values.copy()})).is_same


def test_tied_channels_can_be_distinguished() -> None:
    found = take_snapshot(load(find("exemplar-structural")))
    weights = [found.tensors[f"dense linear/coarse {name}"] for name in ("layer1.weight", "block.layer1.weight")]
    for weight in weights:
        assert len(np.unique(np.abs(weight))) == weight.size
        assert len(set(np.abs(weight).sum(1).tolist())) == 1
    mask = found.tensors["mask linear/channel0-0.5/coarse update layer1.weight"]
    assert mask.all(1).sum() == len(mask) / 2
    key = "mask linear/channel0-0.5/coarse update layer1.weight"
    [moved] = compare_snapshots(found, Snapshot(found.metadata, {**found.tensors, key: ~mask})).masks
    assert moved.is_tied


def test_scenarios_follow_the_declaration() -> None:
    every = scenarios_for(declaration())
    assert len({one.id for one in every}) == len(every) == 31
    assert all(Scenario.parse(one.id) == one for one in every)
    fewer = {one.id for one in scenarios_for(declaration(without="conv2d block scope_all given"))}
    assert fewer < {one.id for one in every}
    assert not [one for one in fewer if "conv2d" in one or "block" in one or "given" in one or "together" in one]
    assert not [one for one in every if one.layer == "conv1d" and one.pattern == "band-3"]
    assert scenarios_for(declaration(without="linear conv1d conv2d embedding")) == ()


def test_long_lists_are_cut_with_a_note() -> None:
    assert cut(["a", "b", "c"], 2) == ["a", "b", "and 1 more; --json FILE has them all"]
    assert cut(["a", "b"], 2) == ["a", "b"]


# ------------------------------------------------------------------ unusable snapshots


def test_unusable_snapshots_are_named(base: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(NotASnapshot, match="cannot be read"):
        read(tmp_path / "gone")
    with pytest.raises(NotASnapshot, match="contains no snapshots"):
        read_all(tmp_path)
    (tmp_path / "text.safetensors").write_text("text")
    with pytest.raises(NotASnapshot, match="is not a snapshot"):
        read_all(tmp_path)
    with pytest.raises(NotASnapshot, match="is not a snapshot"):
        read(references.home() / references.file_of("linear"))
    with pytest.raises(UnsupportedFormat, match="has format 9, but this sparsecheck reads format 1"):
        read(written(Snapshot(replace(base.metadata, format=9), {}), tmp_path / "other"))
    written(base, tmp_path / "two").rename(tmp_path / "two" / "first.safetensors")
    written(base, tmp_path / "two")
    with pytest.raises(DuplicateSparsifier, match="and another file in"):
        read_all(tmp_path / "two")
    assert encode(read(written(base, tmp_path / "one"))) == encode(base)


def test_snapshots_of_different_inputs_are_not_compared(base: Snapshot, tmp_path: Path) -> None:
    results = base.metadata.results
    for other in (replace(results[0], inputs="other"), replace(results[0], plan={"layer1.weight": "Band(width=3)"})):
        unlike = Snapshot(replace(base.metadata, results=(other, *results[1:])), base.tensors)
        with pytest.raises(InputsDiffer, match="have different inputs or plans"):
            compare_snapshots(base, unlike)
    ended = diff(written(base, tmp_path / "a"), written(unlike, tmp_path / "b"))
    assert ended.exit_code == 2
    assert "take both with the same version of sparsecheck" in ended.stderr


@pytest.mark.parametrize("text", ["nowhere", "no name==1", "acme==1,!=2"])
def test_an_unknown_side_is_bad_usage(base: Snapshot, tmp_path: Path, text: str) -> None:
    ended = diff(written(base, tmp_path), text)
    assert ended.exit_code == 2
    assert text in ended.stderr
    unknown = diff(tmp_path, tmp_path, "--sparsifier", "other")
    assert unknown.exit_code == 2
    assert "contains no snapshot of other" in unknown.stderr


def test_a_sparsifier_without_float32_has_no_snapshot(tmp_path: Path) -> None:
    file = variant(tmp_path, adapter='supported = "linear unstructured float64 cpu"\n'
                                     '    unsupported = " ".join(set(CAPABILITIES) - set(supported.split()))')
    with pytest.raises(SnapshotUnsupported, match="it declares float32 unsupported"):
        take_snapshot(load(find("it", [file])))


# ------------------------------------------------------------------ whole commands


COMMITTED = Path(__file__).parent.parent / "reference" / references.RECORDED


@pytest.mark.parametrize("release", sorted(file.name.removesuffix(bundle.BUNDLE) for file in COMMITTED.glob("*.gz")))
def test_committed_snapshots_can_be_read_and_are_complete(release: str) -> None:
    found = bundle.read(COMMITTED / f"{release}{bundle.BUNDLE}")
    assert len(found) == 11
    assert {release_of(one.metadata.provenance.torch) for one in found.values()} == {release}
    assert not [each.raised for one in found.values() for each in one.metadata.results if each.raised]
    assert all(one.tensors and one.metadata.results for one in found.values())


def test_every_committed_file_of_arrays_belongs_to_a_committed_bundle() -> None:
    files = [file for file in COMMITTED.rglob("*") if file.is_file()]
    assert len([file for file in files if file.parent == COMMITTED]) >= 7
    named = {
        msgspec.json.decode(line)["tensors"] for file in files if file.parent == COMMITTED
        for line in gzip.decompress(file.read_bytes()).splitlines()
    }
    assert {file.stem for file in (COMMITTED / bundle.TENSORS).iterdir()} == named


def test_bundles_store_equal_arrays_once_and_give_the_same_snapshots(base: Snapshot, tmp_path: Path) -> None:
    other = Snapshot(replace(base.metadata, version="9"), base.tensors)
    for name, one in (("a", base), ("b", other)):
        bundle.write({"it": one}, tmp_path / f"{name}.jsonl.gz")
    assert len([*(tmp_path / "tensors").iterdir()]) == 1
    for name, one in (("a", base), ("b", other)):
        assert encode(bundle.read(tmp_path / f"{name}.jsonl.gz")["it"]) == encode(one)
    packed = (tmp_path / "a.jsonl.gz").read_bytes()
    bundle.write({"it": base}, tmp_path / "a.jsonl.gz")
    assert (tmp_path / "a.jsonl.gz").read_bytes() == packed
    assert sparsecheck(tmp_path, "diff", "a", "a.jsonl.gz").returncode == 0


def test_unusable_bundles_are_named(base: Snapshot, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl.gz"
    arrays, _ = bundle.write({"it": base}, file)
    whole, line = file.read_bytes(), gzip.decompress(file.read_bytes())
    for content in (b"", b"text", whole[:-9], gzip.compress(b"{}\n")):
        file.write_bytes(content)
        with pytest.raises(NotASnapshot, match=r"a\.jsonl\.gz (is not a bundle of|contains no) snapshots"):
            bundle.read(file)
    file.write_bytes(gzip.compress(line * 2))
    with pytest.raises(DuplicateSparsifier, match="two snapshots of the same sparsifier"):
        bundle.read(file)
    file.write_bytes(gzip.compress(line.replace(arrays.stem.encode(), b"../" + arrays.stem.encode())))
    with pytest.raises(NotASnapshot, match="names no file of arrays"):
        bundle.read(file)
    file.write_bytes(gzip.compress(line.replace(b'"format":1', b'"format":9')))
    with pytest.raises(UnsupportedFormat, match="has format 9"):
        bundle.read(file)
    file.write_bytes(whole)
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"?")
    with pytest.raises(NotASnapshot, match="its digest is"):
        bundle.read(file)
    arrays.unlink()
    with pytest.raises(NotASnapshot, match="cannot be read"):
        bundle.read(file)


def test_outputs_are_taken_in_eval_mode(base: Snapshot, tmp_path: Path) -> None:
    hook = "lambda module, given, output: output + 1 if module.training else None"
    noisy = f"""def __init__(self, model, plan, contract):
        super().__init__(model, plan, contract)
        model.register_forward_hook({hook})"""
    assert changed(base, tmp_path, sparsified=noisy).is_same


def test_files_are_compared_without_importing_torch(base: Snapshot, tmp_path: Path) -> None:
    sides = [str(written(base, tmp_path / side)) for side in ("a", "b")]
    ended = sparsecheck_without({"torch"}, "diff", *sides)
    assert ended.returncode == 0, ended.stderr
    assert "nothing changed" in ended.stdout


def test_markdown_is_escaped(base: Snapshot) -> None:
    other = Snapshot(replace(base.metadata, version="<b>|`x`\x1b[2J"), base.tensors)
    found = replace(
        compare_snapshots(base, other), others=(differences.OtherChange("", "<i>", "*a*", "\x1b[2J"),)
    )
    whole = Comparison(before="a`b", after="b", differences=(found,))
    page = render_markdown(whole)
    assert "\x1b" not in "".join(render_text(whole))
    assert "<b>" not in page
    assert "<i>" not in page
    assert "\x1b" not in page
    assert r"\*a\*" in page


def test_every_snapshot_error_is_an_invalid_snapshot() -> None:
    assert issubclass(InputsDiffer, InvalidSnapshot)

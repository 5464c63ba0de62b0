"""What changed between two recordings is told, each kind of change by itself, and nothing where nothing did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from sparsecheck.adapter.discovery import find, load
from sparsecheck.cli import main
from sparsecheck.features.diff import behaviour
from sparsecheck.features.diff.compare import Comparison, Difference, OtherInputs, Problem, Side, compared, difference
from sparsecheck.features.diff.render import cut, differences_markdown, differences_told
from sparsecheck.features.diff.scenarios import Occasion, occasions
from sparsecheck.features.diff.snapshot import (
    InvalidRecording,
    NoRecording,
    OtherFormat,
    Recording,
    TwoOfOneName,
    encode,
    read,
    read_all,
)
from sparsecheck.features.diff.take_snapshot import NotRecordable, record
from sparsecheck.features.states.kept import release_of
from sparsecheck.oracle import references
from tests.installed import pip_install, sparsecheck_without
from tests.recordings import (
    CLONE,
    ONE_ULP,
    OTHER_MASK,
    OTHER_TIES,
    RAISES,
    RENAMED,
    SIDECAR,
    kept,
    recorded,
    variant,
)
from tests.samples import declaration

EXAMPLE = Path(__file__).parent.parent / "docs" / "example"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return recorded(variant(tmp_path_factory.mktemp("base")))


def changed(base: Recording, folder: Path, **parts: str) -> Difference:
    return difference(base, recorded(variant(folder, **parts)))


def diff(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["diff", *map(str, arguments)])


# ------------------------------------------------------------------ each kind of change


def test_the_same_is_said_to_be(base: Recording, tmp_path: Path) -> None:
    again = recorded(variant(tmp_path / "again"))
    assert encode(again) == encode(base)
    assert difference(base, again).is_same
    ended = diff(kept(base, tmp_path / "a"), kept(again, tmp_path / "b"))
    assert ended.exit_code == 0
    assert ended.stdout.splitlines()[-1] == "nothing changed: 1 sparsifier on 5 occasions"


def test_another_tie_rule_moves_masks_that_tie(base: Recording, tmp_path: Path) -> None:
    found = changed(base, tmp_path, sparsified=OTHER_TIES)
    assert {one.occasion for one in found.masks} == {"linear/unstructured-0.5/coarse", "linear/2of4/coarse"}
    assert all(one.is_tied and one.now_kept == one.now_removed > 0 for one in found.masks)
    assert {one.occasion for one in found.outputs} == {one.occasion for one in found.masks}
    assert not found.forms


def test_an_extra_clone_is_counted_and_nothing_else(base: Recording, tmp_path: Path) -> None:
    found = changed(base, tmp_path, keep=CLONE)
    assert {(one.operation, one.operator, one.after - one.before) for one in found.counts} == {
        ("forward", "aten.clone.default", 2),
    }
    assert len(found.counts) == found.occasions == 5
    assert (found.masks, found.outputs, found.forms, found.others) == ((), (), (), ())


def test_a_renamed_buffer_goes_and_comes(base: Recording, tmp_path: Path) -> None:
    found = changed(base, tmp_path, keep=RENAMED, sparsified='mask_name = "kept"')
    mask, kept_ = ("layer1.parametrizations.weight.0.mask", "layer1.parametrizations.weight.0.kept")
    told = {(one.name, bool(one.before), bool(one.after)) for one in found.forms if one.name.startswith("layer1.")}
    assert told == {(mask, True, False), (kept_, False, True)}
    assert {one.where for one in found.forms} == {"state dict"}
    assert (found.masks, found.outputs, found.counts) == ((), (), ())


def test_an_output_that_moved_by_one_ulp_is_measured(base: Recording, tmp_path: Path) -> None:
    found = changed(base, tmp_path, sparsified=ONE_ULP)
    assert len(found.outputs) == 8
    assert all(one.ulp == 1 and one.count == one.size for one in found.outputs)
    assert all(0 < (one.largest or 0) < 2e-7 for one in found.outputs)
    assert (found.masks, found.forms) == ((), ())


def test_another_mask_is_no_tie(base: Recording, tmp_path: Path) -> None:
    found = changed(base, tmp_path, sparsified=OTHER_MASK)
    plain = [one for one in found.masks if one.occasion == "linear/unstructured-0.5"]
    assert [(one.stage, one.name, one.now_kept, one.now_removed, one.is_tied) for one in plain] == [
        ("update", "layer1.weight", 1, 1, False), ("relevel", "layer1.weight", 1, 1, False),
    ]
    assert plain[0].first == (0, 0)


def test_ranked_together_a_tie_is_one_across_layers(base: Recording, tmp_path: Path) -> None:
    """Two entries of equal score, one in either layer, are swapped."""
    occasion, names = "linear/unstructured-0.5/together", ("layer1.weight", "block.layer1.weight")
    swapped = dict(base.tensors)
    for name, keeps in zip(names, (True, False), strict=True):
        mask, dense = (swapped[key].copy() for key in (f"mask {occasion} update {name}", f"dense linear {name}"))
        place = int(np.flatnonzero(mask.ravel() != keeps)[0])
        mask.flat[place], dense.flat[place] = keeps, 0.375
        swapped[f"mask {occasion} update {name}"], swapped[f"dense linear {name}"] = mask, dense
    before = Recording(base.about, {**base.tensors, **{f"dense linear {name}": swapped[f"dense linear {name}"]
                                                       for name in names}})
    found = difference(before, Recording(base.about, swapped))
    assert [(one.name, one.now_kept, one.is_tied) for one in found.masks] == [(names[0], 1, True), (names[1], 0, True)]


def test_a_sidecar_that_came_and_an_update_that_raises_are_told(base: Recording, tmp_path: Path) -> None:
    came = changed(base, tmp_path / "came", sparsified=SIDECAR)
    assert {(one.where, one.name, one.after) for one in came.forms} == {
        ("sidecar", "level", "float32 [2]"), ("sidecar", "note", "str []"),
    }
    raises = changed(base, tmp_path / "raises", sparsified=RAISES)
    assert {(one.what, one.before, one.after) for one in raises.others} == {
        ("raised", "", "relevel: ValueError: no other level"),
    }


def test_another_declaration_and_fewer_occasions_are_told(base: Recording, tmp_path: Path) -> None:
    found = changed(base, tmp_path, adapter='contract = replace(exemplar.CONTRACT, ties="any")')
    assert [(one.what, one.before, one.after) for one in found.others] == [("declared ties", "lowest index", "any")]
    fewer = Recording(replace(base.about, seen=base.about.seen[1:]), base.tensors)
    assert [(one.occasion, one.before, one.after) for one in difference(base, fewer).others] == [
        ("linear/unstructured-0.5", "recorded", ""),
    ]


def test_counts_under_another_torch_are_nobodys_change(base: Recording, tmp_path: Path) -> None:
    other = recorded(variant(tmp_path, keep=CLONE))
    made = replace(other.about.made, torch="2.1.0")
    found = difference(base, Recording(replace(other.about, made=made), other.tensors))
    assert found.is_same
    assert len(found.counts_elsewhere) == 5
    told = list(differences_told(Comparison(before="a", after="b", differences=(found,))))
    assert told[2].startswith("nothing changed: 1 sparsifier")
    assert "  counts under another torch" in told


def test_what_is_on_one_side_alone_is_a_change(base: Recording) -> None:
    whole, none = Side("old", {"it": base}, {}), Side("new", {}, {"it": Problem("it crashed")})
    found = compared(whole, none)
    assert not found.is_same
    assert list(differences_told(found))[2:] == [
        "0 of 0 sparsifiers the same, 0 changed; 1 recorded on one side alone",
        "it: recorded in old alone (it crashed)",
    ]


# ------------------------------------------------------------------ numbers


@pytest.mark.parametrize(("one", "other", "ulp"), [
    (1.0, np.nextafter(np.float32(1), np.float32(2)), 1), (0.0, -0.0, 0), (1e-45, -1e-45, 2), (1.0, 2.0, 2**23),
    (1.0, np.nan, None), (np.inf, 1.0, None), (-3.4e38, 3.4e38, 4278162236),
])
def test_ulps_are_counted_across_zero(one: float, other: float, ulp: int | None) -> None:
    values = np.array([one], dtype=np.float32), np.array([other], dtype=np.float32)
    assert behaviour.ulp_apart(*values) == ulp
    assert behaviour.ulp_apart(*reversed(values)) == ulp
    wide = np.array([1.0]), np.nextafter(np.array([1.0]), 2)
    assert behaviour.ulp_apart(*wide) == 1


def test_nan_is_nan_and_a_zero_has_a_sign(base: Recording) -> None:
    key = next(key for key in base.tensors if key.startswith("output "))
    values = base.tensors[key].copy()
    values.flat[0], values.flat[1] = np.nan, 0.0
    before = Recording(base.about, {**base.tensors, key: values})
    other = values.copy()
    other.flat[1] = -0.0
    [found] = difference(before, Recording(base.about, {**base.tensors, key: other})).outputs
    assert (found.count, found.ulp) == (1, 0)
    assert difference(before, Recording(base.about, {**base.tensors, key: values.copy()})).is_same


def test_channels_that_tie_can_be_told_apart() -> None:
    found = record(load(find("exemplar-structural")))
    weights = [found.tensors[f"dense linear/coarse {name}"] for name in ("layer1.weight", "block.layer1.weight")]
    for weight in weights:
        assert len(np.unique(np.abs(weight))) == weight.size
        assert len(set(np.abs(weight).sum(1).tolist())) == 1
    mask = found.tensors["mask linear/channel0-0.5/coarse update layer1.weight"]
    assert mask.all(1).sum() == len(mask) / 2
    key = "mask linear/channel0-0.5/coarse update layer1.weight"
    [moved] = difference(found, Recording(found.about, {**found.tensors, key: ~mask})).masks
    assert moved.is_tied


def test_occasions_are_what_is_declared() -> None:
    every = occasions(declaration())
    assert len({one.id for one in every}) == len(every) == 31
    assert all(Occasion.parse(one.id) == one for one in every)
    fewer = {one.id for one in occasions(declaration(without="conv2d block scope_all given"))}
    assert fewer < {one.id for one in every}
    assert not [one for one in fewer if "conv2d" in one or "block" in one or "given" in one or "together" in one]
    assert not [one for one in every if one.layer == "conv1d" and one.pattern == "band-3"]
    assert occasions(declaration(without="linear conv1d conv2d embedding")) == ()


def test_what_is_told_is_cut_and_says_so() -> None:
    assert cut(["a", "b", "c"], 2) == ["a", "b", "and 1 more; --json FILE has them all"]
    assert cut(["a", "b"], 2) == ["a", "b"]


# ------------------------------------------------------------------ what cannot be compared


def test_what_is_no_recording_is_named(base: Recording, tmp_path: Path) -> None:
    with pytest.raises(NoRecording, match="cannot be read"):
        read(tmp_path / "gone")
    with pytest.raises(NoRecording, match="holds no recording"):
        read_all(tmp_path)
    (tmp_path / "text.safetensors").write_text("text")
    with pytest.raises(NoRecording, match="is no recording"):
        read_all(tmp_path)
    with pytest.raises(NoRecording, match="is no recording"):
        read(references.home() / references.file_of("linear"))
    with pytest.raises(OtherFormat, match="its format is 9, this sparsecheck reads 1"):
        read(kept(Recording(replace(base.about, format=9), {}), tmp_path / "other"))
    kept(base, tmp_path / "two").rename(tmp_path / "two" / "first.safetensors")
    kept(base, tmp_path / "two")
    with pytest.raises(TwoOfOneName, match="another file of"):
        read_all(tmp_path / "two")
    assert encode(read(kept(base, tmp_path / "one"))) == encode(base)


def test_other_inputs_are_not_compared(base: Recording, tmp_path: Path) -> None:
    seen = base.about.seen
    for other in (replace(seen[0], inputs="other"), replace(seen[0], plan={"layer1.weight": "Band(width=3)"})):
        unlike = Recording(replace(base.about, seen=(other, *seen[1:])), base.tensors)
        with pytest.raises(OtherInputs, match="other inputs, or by another plan"):
            difference(base, unlike)
    ended = diff(kept(base, tmp_path / "a"), kept(unlike, tmp_path / "b"))
    assert ended.exit_code == 2
    assert "record both sides with one sparsecheck" in ended.stderr


@pytest.mark.parametrize("text", ["nowhere", "no name==1", "acme==1,!=2"])
def test_what_is_no_side_ends_the_command(base: Recording, tmp_path: Path, text: str) -> None:
    ended = diff(kept(base, tmp_path), text)
    assert ended.exit_code == 2
    assert text in ended.stderr
    unknown = diff(tmp_path, tmp_path, "--sparsifier", "other")
    assert unknown.exit_code == 2
    assert "holds no recording of other" in unknown.stderr


def test_what_does_not_work_on_the_cpu_is_not_recorded(tmp_path: Path) -> None:
    file = variant(tmp_path, adapter='supported = "linear unstructured float64 cpu"\n'
                                     '    unsupported = " ".join(set(CAPABILITIES) - set(supported.split()))')
    with pytest.raises(NotRecordable, match="it declares float32 unsupported"):
        record(load(find("it", [file])))


# ------------------------------------------------------------------ whole commands


def sparsecheck(folder: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sparsecheck", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False,
                          env={**os.environ, **environment})


def test_what_was_recorded_here_is_here_unchanged_and_a_variant_is_not(tmp_path: Path) -> None:
    file = variant(tmp_path / "it")
    for to in ("one", "two"):
        ended = sparsecheck(tmp_path, "record", "--adapter", file, "--to", to)
        assert ended.returncode == 0, ended.stderr
    [one, two] = (tmp_path / to / "it.safetensors" for to in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    variant(tmp_path / "it", keep=CLONE)
    ended = sparsecheck(tmp_path, "diff", "one", "here", "--adapter", file, "--markdown", "n.md", "--json", "n.json")
    assert ended.returncode == 1, ended.stderr
    assert "0 of 1 sparsifiers the same, 1 changed" in ended.stdout
    assert "forward: aten.clone.default 0 -> 2" in ended.stdout
    assert r"forward: aten.clone.default 0 -&gt; 2" in (tmp_path / "n.md").read_text()
    assert json.loads((tmp_path / "n.json").read_text())["differences"][0]["counts"][0]["after"] == 2
    alone = sparsecheck(tmp_path, "diff", "one", "here")
    assert alone.returncode == 1, alone.stderr
    assert "it: recorded in one alone (not registered here)" in alone.stdout


def wheel(folder: Path, version: str, wheels: Path, **replaced: str) -> Path:
    """The example as release `version`, with each text of `replaced` in the place of the other; its folder."""
    made = folder / version
    made.mkdir()
    for file in (*EXAMPLE.glob("*.py"), EXAMPLE / "pyproject.toml"):
        text = file.read_text("utf-8").replace('version = "1.0"', f'version = "{version}"')
        (made / file.name).write_text(text.replace(replaced.get("old", "-"), replaced.get("new", "-")), "utf-8")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(wheels)]
    subprocess.run([*command, str(made)], check=True)
    return made


def test_two_releases_are_installed_apart_and_compared(tmp_path: Path) -> None:
    """The example as it is, and its next release, which keeps other entries where scores tie."""
    wheels = tmp_path / "wheels"
    wheel(tmp_path, "1.0", wheels)
    wheel(tmp_path, "1.1", wheels, old="scores.argsort()", new="scores.argsort(descending=True).flip(0)")
    environment = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    ended = sparsecheck(tmp_path, "diff", "acme-pruning==1.0", "acme-pruning==1.1", **environment)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "acme-magnitude (acme-pruning 1.0 -> 1.1): changed" in ended.stdout
    assert "tied in score: linear/unstructured-0.5/coarse" in ended.stdout
    assert "not tied in score" not in ended.stdout
    kept_ = sparsecheck(tmp_path, "record", "--dist", "acme-pruning==1.0", "--to", "kept", **environment)
    assert kept_.returncode == 0, kept_.stderr
    pip_install(tmp_path / "1.0", tmp_path / "installed")
    same = sparsecheck(tmp_path, "diff", "kept", "here", PYTHONPATH=str(tmp_path / "installed"))
    assert same.returncode == 0, same.stdout + same.stderr
    assert "nothing changed: 1 sparsifier on 5 occasions" in same.stdout
    gone = sparsecheck(tmp_path, "diff", "kept", "acme-pruning==9", **environment)
    assert gone.returncode == 2
    assert "pip cannot install acme-pruning==9" in gone.stderr


def test_a_release_of_which_nothing_is_registered_or_another_ran_is_refused(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheel(tmp_path, "2.0", wheels, old='"sparsecheck.sparsifiers"', new='"other.group"')
    environment = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    asked = ("record", "--dist", "acme-pruning==2.0", "--to", "kept")
    none = sparsecheck(tmp_path, *asked, **environment)
    assert none.returncode == 2
    assert "no sparsifier of acme-pruning is registered; give its adapter by --adapter" in none.stderr
    file = variant(tmp_path, adapter='distribution, version = "acme-pruning", "9"')
    other = sparsecheck(tmp_path, *asked, "--adapter", file, **environment)
    assert other.returncode == 2
    assert "acme-pruning==2.0 was asked for, but it ran with 9" in other.stderr
    assert not (tmp_path / "kept").exists()


COMMITTED = Path(__file__).parent.parent / "reference" / references.RECORDED


@pytest.mark.parametrize("release", sorted(folder.name for folder in COMMITTED.iterdir()))
def test_the_committed_recordings_are_read_and_hold_what_is_registered(release: str) -> None:
    found = read_all(COMMITTED / release)
    assert len(found) == 11
    assert {release_of(one.about.made.torch) for one in found.values()} == {release}
    assert not [seen.raised for one in found.values() for seen in one.about.seen if seen.raised]
    assert all(one.tensors and one.about.seen for one in found.values())


def test_the_model_is_run_in_evaluation(base: Recording, tmp_path: Path) -> None:
    hook = "lambda module, given, output: output + 1 if module.training else None"
    noisy = f"""def __init__(self, model, plan, contract):
        super().__init__(model, plan, contract)
        model.register_forward_hook({hook})"""
    assert changed(base, tmp_path, sparsified=noisy).is_same


def test_files_are_compared_without_torch(base: Recording, tmp_path: Path) -> None:
    ended = sparsecheck_without({"torch"}, "diff", str(kept(base, tmp_path / "a")), str(kept(base, tmp_path / "b")))
    assert ended.returncode == 0, ended.stderr
    assert "nothing changed" in ended.stdout


def test_markdown_is_harmless(base: Recording) -> None:
    other = Recording(replace(base.about, version="<b>|`x`\x1b[2J"), base.tensors)
    found = replace(difference(base, other), others=(behaviour.Otherwise("", "<i>", "*a*", "\x1b[2J"),))
    whole = Comparison(before="a`b", after="b", differences=(found,))
    page = differences_markdown(whole)
    assert "\x1b" not in "".join(differences_told(whole))
    assert "<b>" not in page
    assert "<i>" not in page
    assert "\x1b" not in page
    assert r"\*a\*" in page


def test_every_refusal_is_an_invalid_recording() -> None:
    assert issubclass(OtherInputs, InvalidRecording)

"""`sparsecheck explore`: broken sparsifiers are found and shrunk, and nothing that they do ends the search."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from sparsecheck.adapter.declaring import read_declaration
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.cli import main
from sparsecheck.features.explore import search
from sparsecheck.features.explore.find import Signature, cut, signature
from sparsecheck.features.explore.messages import Outcome
from sparsecheck.programs.judging import know
from sparsecheck.values.program import Program, ProgramLayer, Removal
from sparsecheck.values.program_json import from_json, to_json
from sparsecheck.values.steps import Attach, Forward, Update
from sparsecheck.values.structural_program import StructuralProgram

_ADAPTER = '''
import os, time
import torch
from torch import nn
from sparsecheck import CAPABILITIES, Refusal
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

class Narrow(Exemplar):
    {body}

class NarrowAdapter(ExemplarAdapter):
    """Takes linear layers in float32 alone, and wrongly."""
    distribution = ""
    supported = "linear unstructured float32 cpu per_parameter reupdate relevel finalize restore"
    unsupported = " ".join(sorted(set(CAPABILITIES) - set(supported.split())))

    def attach(self, model, plan, context):
        self.refuse_unsupported(plan, model)
        for name in plan.names:
            if not isinstance(model.get_submodule(name.rpartition(".")[0]), nn.Linear) or "weight" not in name:
                raise Refusal(f"{{name}} is not the weight of a linear layer")
        return Narrow(model, plan, self.contract)
'''
SIGNED = "_dense = lambda self, name: super()._dense(name).clamp(min=0)"
LATER = """def _dense(self, name):
        dense = super()._dense(name)
        return dense if "layer1." in name else dense.clamp(min=0)"""
ONCE = """_level = 2.0
    def update(self, level=None):
        if level != self._level:
            super().update(level)
        self._level = level"""
DIES = """def update(self, level=None):
        if level == 0.5:
            os._exit(0)
        super().update(level)"""
HANGS = "def update(self, level=None): time.sleep(60)"
LEAKS = """def update(self, level=None):
        super().update(level)
        if level is not None:
            torch.set_default_dtype(torch.float64)"""
FLAKY = """made = []
    def update(self, level=None):
        self.made.append(1)
        super().update(1.0 if len(self.made) == 30 else level)"""


def adapter(folder: Path, body: str = "pass") -> Path:
    file = folder / "narrow.py"
    file.write_text(_ADAPTER.format(body=body), "utf-8")
    return file


def explore(file: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["explore", "--adapter", str(file), *map(str, arguments)])


def finds(ended: Result) -> list[str]:
    return [line.partition(": ")[2] for line in ended.stdout.splitlines() if line.startswith("FIND")]


# ------------------------------------------------------------------ finds


def test_wrong_ranking_is_found_shrunk_saved_and_run_again(tmp_path: Path) -> None:
    file, folder = adapter(tmp_path, SIGNED), tmp_path / "finds"
    ended = explore(file, "--programs", 30, "--save", folder)
    assert ended.exit_code == 1, ended.output
    assert "kept-differs at update (linear.weight unstructured)" in finds(ended)
    assert "  required: An update removes the entries with the lowest scores." in ended.stdout
    saved = folder / "kept-differs-update-linear.weight-unstructured.json"
    program = from_json(saved.read_bytes(), "saved")
    assert [type(step) for step in program.steps] == [Attach, Update]
    assert len(program.layers) == 1
    assert f"--program {saved}" in ended.stdout
    again = explore(file, "--program", saved)
    assert again.exit_code == 1
    assert finds(again) == ["kept-differs at update (linear.weight unstructured)"]
    assert explore(adapter(tmp_path), "--program", saved).exit_code == 0


EXPECTED = """
[[defect]]
id = "ranks-signed"
sparsifiers = ["narrow"]
cells = ["WALK-01"]
signatures = ['kept-differs: .*mask of .* in place of units that score lower.* (at most 70000 of 70000 units)']
reason = "Negative weights are ranked as if they were zero."
"""


def test_what_an_entry_explains_is_known_and_shown_in_a_line(tmp_path: Path) -> None:
    file = adapter(tmp_path, LATER)
    file.with_suffix(".expectations.toml").write_text(EXPECTED, "utf-8")
    ended = explore(file, "--programs", 30)
    assert ended.exit_code == 0, ended.output
    assert "KNOWN: kept-differs at update: ranks-signed" in ended.stdout.splitlines()
    assert "narrow: NOTHING FOUND in 30 programs\n  known defects: ranks-signed\n" in ended.stdout


def test_known_defect_hides_no_other_of_the_same_kind(tmp_path: Path) -> None:
    """The entry is about masks in which one unit is wrong."""
    file = adapter(tmp_path, LATER)
    only_one = EXPECTED.replace("mask of .*", "mask of .* removes 1 of .*")
    file.with_suffix(".expectations.toml").write_text(only_one, "utf-8")
    ended = explore(file, "--programs", 60)
    assert ended.exit_code == 1, ended.output
    assert "KNOWN: kept-differs at update: ranks-signed" in ended.stdout.splitlines()
    assert [one for one in finds(ended) if one.startswith("kept-differs at update")]


def test_a_sparsifier_of_which_nothing_but_a_known_defect_is_left_is_not_judged(tmp_path: Path) -> None:
    file = adapter(tmp_path, SIGNED)
    file.with_suffix(".expectations.toml").write_text(EXPECTED, "utf-8")
    ended = explore(file, "--programs", 30)
    assert ended.exit_code == 2, ended.output
    assert "fails at once by a known defect" in ended.stderr


def test_an_invalid_expectation_file_is_named(tmp_path: Path) -> None:
    file = adapter(tmp_path)
    file.with_suffix(".expectations.toml").write_text("[[defect]]\n", "utf-8")
    ended = explore(file, "--programs", 10)
    assert ended.exit_code == 2, ended.output
    assert "narrow.expectations.toml" in ended.stderr


def test_ranking_that_is_skipped_at_the_same_level_is_found_in_five_steps(tmp_path: Path) -> None:
    ended = explore(adapter(tmp_path, ONCE), "--programs", 100, "--save", tmp_path / "finds")
    assert ended.exit_code == 1, ended.output
    saved = [*(tmp_path / "finds").glob("kept-differs-update-*.json")]
    assert saved
    assert all(len(from_json(one.read_bytes(), "saved").steps) <= 5 for one in saved)


def test_search_goes_on_after_a_child_died(tmp_path: Path) -> None:
    ended = explore(adapter(tmp_path, DIES), "--programs", 60)
    assert ended.exit_code == 1, ended.output
    assert "process-ended at update" in finds(ended)
    assert "its process exited with code 0" in ended.stdout
    assert "in 60 programs" in ended.stdout


def test_hang_is_a_find(tmp_path: Path) -> None:
    ended = explore(adapter(tmp_path, HANGS), "--programs", 10, "--program-limit", 3)
    assert ended.exit_code == 1, ended.output
    assert finds(ended) == ["hangs at update"]
    assert "it was still running after 3 seconds" in ended.stdout


def test_changed_process_is_a_find(tmp_path: Path) -> None:
    ended = explore(adapter(tmp_path, LEAKS), "--programs", 60)
    assert ended.exit_code == 1, ended.output
    assert any(line.startswith("process-changed at update") for line in finds(ended))


def test_find_that_does_not_repeat_is_called_flaky_and_kept(tmp_path: Path) -> None:
    ended = explore(adapter(tmp_path, FLAKY), "--programs", 60)
    assert ended.exit_code == 1, ended.output
    assert "FLAKY: it does not repeat in a fresh process" in ended.stdout
    assert '"format": 1' in ended.stdout


_STRUCTURAL = '''
from torch import nn
from sparsecheck import CAPABILITIES
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover, StructuralExemplarAdapter

class Late(ChannelRemover):
    updates = 0

    def update(self, level=None):
        self.updates += 1
        super().update(level)

    def cut(self, module, outputs, inputs):
        bias = getattr(module, "bias", None)
        super().cut(module, outputs, inputs)
        if self.updates > 1 and isinstance(module, nn.Linear) and bias is not None:
            module.bias = nn.Parameter(bias.detach()[:len(outputs)].clone(), bias.requires_grad)

class LateAdapter(StructuralExemplarAdapter):
    """Takes linear layers in float32 alone, and keeps the first biases at every update but the first."""
    distribution = ""
    supported = "linear channel float32 cpu per_parameter reupdate relevel finalize restore deepcopy"
    unsupported = " ".join(sorted(set(CAPABILITIES) - set(supported.split())))
    sparsified = Late
'''


def test_structural_defect_is_found_shrunk_saved_and_run_again(tmp_path: Path) -> None:
    file, folder = tmp_path / "late.py", tmp_path / "finds"
    file.write_text(_STRUCTURAL, "utf-8")
    ended = explore(file, "--programs", 30, "--save", folder)
    assert ended.exit_code == 1, ended.output
    assert finds(ended) == ["entry-differs at update (linear.bias)"]
    assert "  required: The entries that remain are the dense model's, in the same order." in ended.stdout
    assert "    class Model(nn.Module):" in ended.stdout
    [saved] = folder.iterdir()
    program = from_json(saved.read_bytes(), "saved")
    assert isinstance(program, StructuralProgram)
    assert [type(step) for step in program.steps] == [Attach, Update, Update]
    assert [layer.kind for layer in program.layers] == ["linear", "linear"]
    assert finds(explore(file, "--program", saved)) == finds(ended)
    other = explore(adapter(tmp_path), "--program", saved)
    assert other.exit_code == 2
    assert "is a program of the profile structural, and narrow has the profile mask" in other.stderr


# ------------------------------------------------------------------ the same search


def test_same_seed_gives_the_same_bytes_on_any_number_of_processes(tmp_path: Path) -> None:
    file = adapter(tmp_path, LATER)
    runs = [explore(file, "--programs", 40, "--seed", 3, "-j", jobs).stdout for jobs in (1, 2)]
    assert runs[0] == runs[1]
    assert "FIND 1: kept-differs at update" in runs[0]
    assert "--seed 3 --programs 40" in runs[0]


def test_few_programs_are_the_first_of_many() -> None:
    exemplar = ExemplarAdapter()
    offer = know(exemplar, read_declaration(exemplar, "it")).offer
    assert [*search.draw(offer, 3, 1, 4)] == [*search.draw(offer, 3, 1, 12)][:4]


def test_shards_run_all_programs_between_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "ROUND", 10)
    file = adapter(tmp_path)
    ends = [explore(file, "--programs", 13, "--shard", f"{one}/2").stdout for one in (1, 2)]
    assert "NOTHING FOUND in 10 programs" in ends[0]
    assert "NOTHING FOUND in 3 programs" in ends[1]


def test_nothing_is_left_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytecode of the adapter's file is Python's."""
    monkeypatch.chdir(tmp_path)
    file = adapter(tmp_path)
    ended = explore(file, "--programs", 10)
    assert ended.exit_code == 0, ended.output
    assert {one.name for one in tmp_path.iterdir()} - {"__pycache__"} == {file.name}


# ------------------------------------------------------------------ how it ends


@pytest.mark.parametrize(("arguments", "words"), [
    (("exemplar", "--minutes", "1", "--programs", "1"), "exclude each other"),
    (("exemplar", "--shard", "1/2"), "--shard needs --programs"),
    (("exemplar-structural", "--program", "walk-017"), "walk-017 is a program of the profile mask"),
    (("no-such",), "no-such"),
])
def test_bad_usage_ends_with_2(arguments: tuple[str, ...], words: str) -> None:
    ended = CliRunner().invoke(main, ["explore", *arguments])
    assert ended.exit_code == 2
    assert words in ended.stderr


def test_adapter_that_does_not_import_ends_with_2(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("raise OSError('no such thing')", "utf-8")
    ended = explore(file, "--programs", 1)
    assert ended.exit_code == 2
    assert "cannot be explored" in ended.stderr


def test_damaged_program_ends_with_2(tmp_path: Path) -> None:
    file = tmp_path / "program.json"
    file.write_text("{}", "utf-8")
    ended = explore(adapter(tmp_path), "--program", file)
    assert ended.exit_code == 2
    assert "is no program" in ended.stderr


def test_interrupt_comes_after_the_finds_so_far_and_ends_with_3(tmp_path: Path) -> None:
    file = adapter(tmp_path, LATER)
    command = [sys.executable, "-m", "sparsecheck", "explore", "--adapter", str(file), "--minutes", "10"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # a job in the background
    assert child.stdout is not None
    assert any(line.startswith("FIND 1: kept-differs at update") for line in child.stdout)
    started = time.monotonic()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 3, (out, err)
    assert time.monotonic() - started < 5
    assert "interrupted by the user" in err


# ------------------------------------------------------------------ signatures


PROGRAM = Program(
    layers=(ProgramLayer(name="layer1", kind="linear", inputs=2, outputs=2),
            ProgramLayer(name="layer10", kind="conv1d", inputs=2, outputs=2)),
    plan=(Removal(name="layer1.weight", pattern="unstructured"), Removal(name="layer10.weight", pattern="channel")),
    steps=(Attach(), Update(), Forward()),
)


def test_signature_names_step_and_parameter() -> None:
    outcome = Outcome("kept-differs", "step 2, update: mask of layer10.weight: 3 entries differ", 2)
    assert signature(PROGRAM, outcome) == Signature("kept-differs", "update", "conv1d.weight channel")
    assert cut(PROGRAM, outcome) == replace(PROGRAM, steps=PROGRAM.steps[:2])


def test_signature_of_a_crash_has_no_parameter() -> None:
    assert signature(PROGRAM, Outcome("process-ended", "it was killed", 3)) == Signature("process-ended", "forward", "")


def test_saved_program_is_json() -> None:
    assert json.loads(to_json(PROGRAM))["format"] == 1

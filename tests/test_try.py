"""`sparsecheck try`: a sparsifier on a model of the user's own, layer by layer and as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sparsecheck.cli import main

MODELS = '''
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(8, 5)
    def forward(self, ids, scale=1.0):
        hidden = self.embed(ids) * scale
        hidden = self.dropout(self.attention(hidden, hidden, hidden)[0])
        return {"ids": ids, "logits": self.head(hidden)}

def net():
    torch.manual_seed(0)
    return Net(), {"ids": torch.arange(14).view(2, 7), "scale": 0.5}

def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Linear(6, 5)), torch.rand(4, 8)

class Shifted(nn.Linear):
    def __init__(self):
        super().__init__(8, 5)
        self.shift = nn.Parameter(torch.rand(4, 5))
    def forward(self, inputs): return super().forward(inputs) + self.shift

def shifted():
    torch.manual_seed(0)
    return Shifted(), torch.rand(4, 8)

def raising(): raise OSError("no weights on disk")
def alone(): return nn.Linear(2, 2)
def listless(): return nn.Linear(2, 2), "an example"
def misfit(): return nn.Linear(2, 2), torch.rand(3, 5)
def empty(): return nn.ReLU(), torch.rand(3, 5)

class Noisy(nn.Linear):
    def forward(self, inputs): return super().forward(inputs) + torch.rand(())

def noisy(): return Noisy(2, 2), torch.rand(3, 2)
'''

ADAPTER = '''
from sparsecheck import Refusal
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

class Own(Exemplar):
    {body}

class OwnAdapter(ExemplarAdapter):
    distribution = ""

    def attach(self, model, plan, context):
        {before}
        return Own(model, plan, self.contract)
'''

PASSES_OVER = """def update(self, level=None):
        super().update(level)
        for name in self.masks():
            if "head" in name:
                self.mask_tensor(name).fill_(True)"""
SPOILS_BIAS = """def finalize(self):
        final = super().finalize()
        final.get_submodule("2").bias.data.zero_()
        return final"""
NOT_SAVED = """def save(self):
        saved = super().save()
        torch_masks = {name: one for name, one in saved.model.items() if name.endswith("mask")}
        for one in torch_masks.values():
            one.fill_(True)
        return saved"""
REFUSES = """if any("in_proj" in name for name in plan.names):
            raise Refusal("attention.in_proj_weight is no weight of a linear layer")"""
ENDS = """def update(self, level=None):
        if "head.weight" in " ".join(self.plan.names) and len(self.plan.names) == 1:
            {end}
        super().update(level)"""
REFUSES_ALL = """raise Refusal(f"nothing is taken, not even {plan.names[0]}")"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    file = tmp_path / "models_to_try.py"
    file.write_text(MODELS, "utf-8")
    return file


def adapter(folder: Path, body: str = "pass", before: str = "pass") -> str:
    file = folder / "own.py"
    file.write_text(ADAPTER.format(body=body, before=before), "utf-8")
    return str(file)


def tried(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["try", *map(str, arguments)])


def found(ended: Result) -> dict[str, str]:
    """Return the standing of each parameter and statement."""
    lines = [line.strip().split("  ", 1) for line in ended.output.splitlines() if line.startswith("  ")]
    standings = ("holds", "refuses", "fails", "not judged")
    return {rest.strip().partition("  ")[0]: standing for standing, rest in
            (line for line in lines if len(line) == 2) if standing in standings}


def test_everything_holds_of_the_exemplar_on_a_model_of_several_tensors(models: Path) -> None:
    ended = tried("exemplar", "--model", f"{models}:net")
    assert ended.exit_code == 0, ended.output
    assert "in eval mode, since its output is random in train mode" in ended.output
    seen = found(ended)
    assert set(seen.values()) == {"holds"}
    assert {"embed.weight", "attention.in_proj_weight", "attention.out_proj.weight", "head.weight"} < set(seen)
    assert {"restore in a fresh process", "export of the final model", "three steps of AdamW", "finalize"} < set(seen)
    assert ended.output.splitlines()[-1] == "exemplar: 17 holds"


def test_parameters_that_no_layer_holds_are_found(models: Path) -> None:
    ended = tried("exemplar", "--model", f"{models}:shifted")
    assert ended.exit_code == 0, ended.output
    assert {"weight", "shift"} < set(found(ended))


def test_a_layer_that_is_passed_over_fails_alone_and_the_others_are_judged(tmp_path: Path, models: Path) -> None:
    ended = tried("--adapter", adapter(tmp_path, PASSES_OVER), "--model", f"{models}:net")
    assert ended.exit_code == 1
    assert found(ended)["head.weight"] == "fails"
    assert "count-differs: step 2, update: mask of model.head.weight" in ended.output
    assert "3 planned together:" in ended.output
    assert found(ended)["finalize"] == "holds"


def test_a_layer_that_is_refused_is_no_failure(tmp_path: Path, models: Path) -> None:
    ended = tried("--adapter", adapter(tmp_path, before=REFUSES), "--model", f"{models}:net")
    assert ended.exit_code == 0, ended.output
    assert found(ended)["attention.in_proj_weight"] == "refuses"
    assert "attention.in_proj_weight is no weight of a linear layer" in ended.output


def test_a_parameter_that_is_not_planned_must_stay(tmp_path: Path, models: Path) -> None:
    ended = tried("--adapter", adapter(tmp_path, SPOILS_BIAS), "--model", f"{models}:plain")
    assert ended.exit_code == 1
    assert found(ended)["0.weight"] == "fails"
    assert "2.bias of the final model" in ended.output


def test_masks_that_are_not_saved_fail_in_both_processes(tmp_path: Path, models: Path) -> None:
    ended = tried("--adapter", adapter(tmp_path, NOT_SAVED), "--model", f"{models}:plain")
    seen = found(ended)
    assert (seen["save, restore and train on"], seen["restore in a fresh process"]) == ("fails", "fails")
    assert seen["three steps of SGD with momentum"] == "holds"
    assert "in a fresh process: mask of 0.weight" in ended.output


def test_a_plan_file_says_what_is_planned(tmp_path: Path, models: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[plan]\n"0.weight" = { pattern = "n_of_m" }\n"*.bias" = {}\n"2.bias" = { level = 0.2 }\n', "utf-8")
    ended = tried("exemplar", "--model", f"{models}:plain", "--plan", plan)
    assert ended.exit_code == 2
    assert "the plan's '*.bias' fits no weight of the model" in ended.stderr
    plan.write_text('[plan]\n"0.weight" = { pattern = "n_of_m" }\n"2.bias" = { level = 0.2 }\n', "utf-8")
    ended = tried("exemplar", "--model", f"{models}:plain", "--plan", plan)
    assert ended.exit_code == 0, ended.output
    assert [*found(ended)][:2] == ["0.weight", "2.bias"]


@pytest.mark.parametrize(("text", "words"), [
    ("[plan", "is no plan"), ('[plan]\n"a" = { pattern = "triangle" }', "Invalid enum value 'triangle'"),
    ('[plan]\n"a" = { level = 2.0 }', "level is the fraction removed"), ("plan = 1", "Expected `object`"),
    ('[plan]\n"a" = { pattern = "band", width = 2 }', "a band's width is odd"),
])
def test_a_damaged_plan_ends_with_2(tmp_path: Path, models: Path, text: str, words: str) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(text, "utf-8")
    ended = tried("exemplar", "--model", f"{models}:plain", "--plan", plan)
    assert ended.exit_code == 2
    assert words in ended.stderr
    assert 'Write lines such as "encoder.*.weight"' in ended.stderr


@pytest.mark.parametrize(("function", "words"), [
    ("none", "has no function none"), ("raising", "raises OSError: no weights on disk"),
    ("alone", "returns Linear and not a model with an example input"), ("listless", "has no tensor"),
    ("misfit", "fails on its example: RuntimeError"), ("empty", "has no parameters"),
    ("noisy", "is random even in eval mode"),
])
def test_another_answer_than_a_model_and_an_example_ends_with_2(models: Path, function: str, words: str) -> None:
    ended = tried("exemplar", "--model", f"{models}:{function}")
    assert ended.exit_code == 2
    assert words in ended.stderr


@pytest.mark.parametrize(("where", "words"), [
    ("models_to_try", "names no function"), ("no_such_module:build", "no_such_module cannot be imported"),
    ("no_such_file.py:build", "no_such_file.py cannot be imported"),
])
def test_a_function_that_is_not_there_ends_with_2(where: str, words: str) -> None:
    ended = tried("exemplar", "--model", where)
    assert ended.exit_code == 2
    assert words in ended.stderr


def test_a_sparsifier_that_takes_nothing_ends_with_2(tmp_path: Path, models: Path) -> None:
    ended = tried("--adapter", adapter(tmp_path, before=REFUSES_ALL), "--model", f"{models}:plain")
    assert ended.exit_code == 2
    assert "is taken by own" in ended.stderr


@pytest.mark.parametrize(("end", "words"), [
    ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
     "process-ended: step 2, update: its process was killed by SIGSEGV"),
    ("raise SystemExit(7)", "process-ended: step 2, update: its process exited with code 7"),
    ("import os; os._exit(0)", "process-ended: step 2, update: its process exited with code 0"),
    ("import time; time.sleep(600)", "hangs: step 2, update: it was still running after 8 seconds"),
])
def test_the_end_of_its_process_fails_and_the_others_are_judged(
    tmp_path: Path, models: Path, end: str, words: str
) -> None:
    file = adapter(tmp_path, ENDS.format(end=end))
    ended = tried("--adapter", file, "--model", f"{models}:net", "--limit", 8)
    assert ended.exit_code == 1, ended.output
    assert words in ended.output
    assert [name for name, standing in found(ended).items() if standing == "fails"] == ["head.weight"]
    assert "3 planned together:" in ended.output


@pytest.mark.parametrize(("body", "words"), [
    ("import os; os._exit(3)", "its process exited with code 3"),
    ("raise SystemExit", "its process exited with code 0"),
])
def test_a_model_that_ends_the_process_ends_with_2(tmp_path: Path, body: str, words: str) -> None:
    file = tmp_path / "ending.py"
    file.write_text(f"def build(): {body}\n", "utf-8")
    ended = tried("exemplar", "--model", f"{file}:build")
    assert ended.exit_code == 2
    assert words in ended.stderr

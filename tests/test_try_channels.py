"""`sparsecheck try` with sparsifiers that remove channels of a model of the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_try import found, tried

MODELS = '''
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.norm, self.two = nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 5)
    def forward(self, inputs):
        hidden = self.norm(self.one(inputs)).sigmoid()
        return self.head(torch.relu(hidden + self.two(hidden)).mean((2, 3)))

class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.norm, self.two = nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 6, 3, padding=1)
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(6, 5)
    def forward(self, inputs):
        hidden = self.two(self.norm(self.one(inputs)).sigmoid())
        return self.head(torch.flatten(self.pool(hidden), 1))

def plain():
    torch.manual_seed(0)
    return Plain(), torch.rand(4, 3, 5, 5)

def unknown():
    torch.manual_seed(0)
    return Block(), torch.rand(4, 3, 5, 5)

def normed():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Linear(8, 3)), torch.rand(4, 4)
'''

ADAPTER = '''
import torch
from torch import nn
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover, StructuralExemplarAdapter

class Own(ChannelRemover):
{body}

class OwnAdapter(StructuralExemplarAdapter):
    distribution = ""
    sparsified = Own
'''

COUNTS = """    def chosen(self, plan, names):
        return super().chosen(plan, names)[1:]"""
SCALES = """    def update(self, level=None):
        super().update(level)
        self.model.two.register_forward_hook(lambda *args: args[-1] * 1.01)"""
TAKES_THE_FIRST = """    def cut(self, module, outputs, inputs):
        first = torch.arange(len(inputs))
        super().cut(module, outputs, first if isinstance(module, nn.Conv2d) else inputs)"""
SPOILS_A_BIAS = """    def update(self, level=None):
        super().update(level)
        self.model.head.bias.data += 1"""
DOUBLES_GRADIENTS = """    def update(self, level=None):
        super().update(level)
        self.model.two.register_full_backward_hook(lambda module, given, _: tuple(2 * one for one in given))"""
FORGETS = """    def sidecar(self):
        return {"gone": torch.zeros(0, dtype=torch.long)}"""
BROKEN = {
    "counts": (COUNTS, "one.weight", "count-differs: step 2, update: the update of one.weight removes 3 of 8 channels"),
    "scales": (SCALES, "one.weight", "output-differs: step 2, update: output in eval mode, against the model before"),
    "first": (TAKES_THE_FIRST, "one.weight", "output-differs: step 2, update: output in eval mode"),
    "bias": (SPOILS_A_BIAS, "one.weight", "entry-differs: step 2, update: after the update, head.bias has entries"),
    "training": (DOUBLES_GRADIENTS, "gradients of a dense model with zeros for the channels", "gradient-differs: "),
    "saves": (FORGETS, "restore in a fresh process", "fresh-interpreter-failed: "),
}
"""By name: what a sparsifier does, what does not hold of it then, and how the reason begins."""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    file = tmp_path / "channels_to_try.py"
    file.write_text(MODELS, "utf-8")
    return file


def test_everything_holds_of_the_structural_exemplar(models: Path) -> None:
    ended = tried("exemplar-structural", "--model", f"{models}:plain")
    assert ended.exit_code == 0, ended.output
    standings = found(ended)
    assert standings.pop("head.weight") == "not judged"
    assert "removes outputs of the model itself" in ended.output
    assert {*standings.values()} == {"holds"}, ended.output
    assert "2 planned together" in ended.output


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_sparsifier_fails(name: str, models: Path) -> None:
    body, what, why = BROKEN[name]
    file = models.parent / "own_channels.py"
    file.write_text(ADAPTER.format(body=body), "utf-8")
    plan = models.parent / "plan.toml"
    plan.write_text('[plan]\n"one.weight" = { pattern = "channel" }', "utf-8")
    ended = tried("--adapter", file, "--model", f"{models}:plain", "--plan", plan)
    assert ended.exit_code == 1, ended.output
    assert found(ended)[what] == "fails", ended.output
    assert why in ended.output


def test_what_is_not_understood_is_refused_by_name(models: Path) -> None:
    ended = tried("exemplar-structural", "--model", f"{models}:unknown")
    assert {*found(ended).values()} <= {"refuses"}, ended.output
    assert "the channels of mean are not understood" in ended.output


def test_output_is_not_compared_behind_a_norm_over_channels(models: Path) -> None:
    ended = tried("exemplar-structural", "--model", f"{models}:normed")
    assert ended.exit_code == 0, ended.output
    assert "1 is a LayerNorm, which computes something else with fewer channels" in ended.output

"""Recordings of the exemplar and of variants that each do one thing otherwise, all under one name."""

from __future__ import annotations

from pathlib import Path

from sparsecheck.adapter.discovery import find, load
from sparsecheck.features.diff.snapshot import SUFFIX, Recording, encode
from sparsecheck.features.diff.take_snapshot import record

HEAD = """
import torch
from msgspec.structs import replace
from torch import nn

from sparsecheck.adapter.shipped import exemplar
from sparsecheck.values.capability import CAPABILITIES

SUPPORTED = "linear unstructured n_of_m scope_all float32 cpu relevel reupdate"

class Keep(exemplar.Keep):
    {keep}

class Exemplar(exemplar.Exemplar):
    keep = Keep
    {sparsified}

class It(exemplar.ExemplarAdapter):
    supported = SUPPORTED
    unsupported = " ".join(set(CAPABILITIES) - set(SUPPORTED.split()))
    sparsified = Exemplar
    {adapter}
"""
OTHER_TIES = '''def __init__(self, model, plan, contract):
        super().__init__(model, plan, replace(contract, ties="highest index"))'''
CLONE = '''def forward(self, weight):
        return super().forward(weight.clone())'''
RENAMED = '''def __init__(self, weight, persistent):
        nn.Module.__init__(self)
        self.register_buffer("kept", torch.ones_like(weight, dtype=torch.bool))

    def forward(self, weight):
        return weight.masked_fill(~self.kept, 0)'''
ONE_ULP = '''def __init__(self, model, plan, contract):
        super().__init__(model, plan, contract)
        model.register_forward_hook(lambda module, given, output: torch.nextafter(output, output * 2))'''
OTHER_MASK = '''def update(self, level=None):
        super().update(level)
        mask = self.mask_tensor("layer1.weight").flatten()
        on, off = int(mask.int().argmax()), int(mask.int().argmin())
        mask[on], mask[off] = False, True'''
SIDECAR = '''def sidecar(self):
        return {"level": torch.zeros(2), "note": "so"}'''
RAISES = '''def update(self, level=None):
        if level is not None:
            raise ValueError("no other level")
        super().update()'''


def variant(folder: Path, keep: str = "pass", sparsified: str = "", adapter: str = "") -> Path:
    """An adapter file `it.py` in `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "it.py"
    file.write_text(HEAD.format(keep=keep, sparsified=sparsified, adapter=adapter), "utf-8")
    return file


def recorded(file: Path) -> Recording:
    """What the adapter in `file` does, recorded in this process."""
    return record(load(find(file.stem, [file])))


def kept(recording: Recording, folder: Path) -> Path:
    """Its file, in `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{recording.about.sparsifier}{SUFFIX}"
    file.write_bytes(encode(recording))
    return file

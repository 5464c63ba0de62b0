"""Snapshots of the exemplar and of variants that each change one thing, all under one name."""

from __future__ import annotations

from pathlib import Path

from sparsecheck.adapter.discovery import find, load
from sparsecheck.features.diff.snapshot import SUFFIX, Snapshot, encode
from sparsecheck.features.diff.take_snapshot import take_snapshot

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
        return torch.where(~self.kept, 0, weight)'''
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
    """Write an adapter file `it.py` into `folder`, which is created, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "it.py"
    file.write_text(HEAD.format(keep=keep, sparsified=sparsified, adapter=adapter), "utf-8")
    return file


def snapshot_of(file: Path) -> Snapshot:
    """Take the snapshot of the adapter in `file`, in this process."""
    return take_snapshot(load(find(file.stem, [file])))


def written(snapshot: Snapshot, folder: Path) -> Path:
    """Write the file of a snapshot into `folder`, which is created, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{snapshot.metadata.sparsifier}{SUFFIX}"
    file.write_bytes(encode(snapshot))
    return file

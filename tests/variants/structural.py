"""Correct sparsifiers that remove channels, and differ from the structural exemplar."""

from __future__ import annotations

import msgspec
import torch
from torch import Tensor, nn

from sparsecheck import Context, Contract, Plan, Saved, Sparsified
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover, StructuralExemplarAdapter

from . import variant

EXEMPLAR = StructuralExemplarAdapter.contract


def _contract(**clauses: str) -> Contract:
    return msgspec.structs.replace(EXEMPLAR, **clauses)


@variant("structural-attach")
class AtAttach(StructuralExemplarAdapter):
    """Removes channels at attach, but only the saved ones when it restores."""

    contract = _contract(masks_at="attach")

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        restored = ChannelRemover(dense_model, plan, EXEMPLAR)
        restored.load(saved)
        return restored


@variant("structural-l2")
class ByL2(StructuralExemplarAdapter):
    """Ranks channels by squares."""

    contract = _contract(score="magnitude-l2")


@variant("structural-ceil")
class RoundsUp(StructuralExemplarAdapter):
    """Rounds the number of channels up."""

    contract = _contract(rounding="ceil")


@variant("structural-remaining")
class OfWhatRemains(StructuralExemplarAdapter):
    """Takes the level of a further update as a share of the remaining channels."""

    contract = _contract(level_basis="remaining")


class _FromShapes(ChannelRemover):
    """Restores by shapes alone: whichever channels were removed, the last ones count as gone."""

    def sidecar(self) -> dict[str, Tensor]:
        return {}

    def load(self, saved: Saved) -> None:
        gone = set[int]()
        for name, labels in self.labels.gives.items():
            shape, module = saved.model[f"{name}.weight"].shape, self.model.get_submodule(name)
            if len(shape) != module.get_parameter("weight").dim():
                raise ValueError(f"{name} has another number of dimensions")
            self._check(name, shape)
            gone |= {*labels[shape[isinstance(module, (nn.ConvTranspose1d, nn.ConvTranspose2d))]:]}
        self.remove(gone)
        self.model.load_state_dict(saved.model)

    def _check(self, name: str, shape: torch.Size) -> None:
        dense = self.model.get_submodule(name).get_parameter("weight").shape
        if any(left > whole for left, whole in zip(shape, dense, strict=True)):
            raise ValueError(f"{name} has shape {tuple(dense)}, saved was {tuple(shape)}")


@variant("structural-shapes")
class FromShapes(StructuralExemplarAdapter):
    """Saves no sidecar: the shapes of the saved tensors say how many channels remain."""

    contract = _contract(mask_storage="model")
    sparsified = _FromShapes


class _SameParameters(ChannelRemover):
    def cut(self, module: nn.Module, outputs: Tensor, inputs: Tensor) -> None:
        before = dict(module.named_parameters(recurse=False))
        super().cut(module, outputs, inputs)
        for name, parameter in before.items():
            parameter.data, parameter.grad = module.get_parameter(name).detach(), None
            setattr(module, name, parameter)


@variant("structural-same")
class SameParameters(StructuralExemplarAdapter):
    """Makes the parameters smaller, instead of replacing them by smaller ones; an optimizer goes on training."""

    contract = _contract(optimizers="kept")
    sparsified = _SameParameters

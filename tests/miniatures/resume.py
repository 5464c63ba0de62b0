"""Broken only in a run that is saved, resumed elsewhere and carried on."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from sparsecheck import Context, Plan, Saved, Schedule, Scheduled, Sparsified
from sparsecheck.adapter.shipped.exemplar import Exemplar, new_mask
from sparsecheck.adapter.shipped.exemplar_schedule import ExemplarSchedule
from sparsecheck.values.contract import Contract
from tests.variants.masks import Drawing

from . import breaks

_STEPS: dict[int, int] = {}


class _Handed(ExemplarSchedule):
    def state(self) -> Any:
        _STEPS[id(_STEPS) + self.step] = self.step
        return {"handle": id(_STEPS) + self.step, "last": self.last}

    def load(self, state: Any) -> None:
        super().load({"step": _STEPS.get(state["handle"], 0), "last": state["last"]})


@breaks("RESUME-01", "mask-differs")
class SavesAHandle(Exemplar):
    """Saves where the schedule stands in this process, in place of the step."""

    def schedule(self, schedule: Schedule) -> Scheduled:
        super().schedule(schedule)
        return _Handed(self, schedule)


@breaks("RESUME-02", "mask-differs")
class SavesWhatItLoaded(Exemplar):
    """Saves the state that it has loaded, whatever was trained since."""

    loaded: Saved | None = None

    def load(self, saved: Saved) -> None:
        super().load(saved)
        self.loaded = copy.deepcopy(saved)

    def save(self) -> Saved:
        return super().save() if self.loaded is None else self.loaded


class _Seeded(Exemplar):
    offset = 0

    def _ranked_each(self, plan: Plan) -> dict[str, torch.Tensor]:
        seed = int(torch.randint(2**31, ())) + self.offset
        generator = torch.Generator().manual_seed(seed)
        scores = {name: torch.rand(self._dense(name).shape, generator=generator) for name in plan.names}
        return {
            name: new_mask(pattern, scores[name].to(self._dense(name)), self.mask_tensor(name), self.contract)
            for name, pattern in plan.patterns.items()
        }


@breaks("RESUME-03", "mask-differs")
class ForgetsItsSeed(Drawing):
    """Draws masks by a number of its own as well, which does not go to another process."""

    offset = 0

    def __init__(self) -> None:
        self.offset = 1

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        seeded = _Seeded(model, plan, self.contract)
        seeded.offset = self.offset
        return seeded


class _FinalMask:
    def __init__(self, mask: torch.Tensor) -> None:
        self.mask = mask

    def __call__(self, gradient: torch.Tensor) -> torch.Tensor:
        return gradient * self.mask


@breaks("RESUME-04", "weight-differs")
class MasksFinalGradients(Exemplar):
    """Leaves hooks on the final parameters that mask their gradients, and are lost with the process."""

    def finalize(self) -> nn.Module:
        masks = {name: mask.clone() for name, mask in self.masks().items()}
        final = super().finalize()
        for name, mask in masks.items():
            if final.get_parameter(name).requires_grad:
                final.get_parameter(name).register_hook(_FinalMask(mask))
        return final


@breaks("RESUME-05", "mask-differs")
class TrainsLoadedBiases(Exemplar):
    """Takes over the loaded tensors themselves for what is not planned, so that they change with the file."""

    def load(self, saved: Saved) -> None:
        super().load(saved)
        for name, parameter in self.model.named_parameters():
            if not name.endswith(".original"):
                parameter.data = saved.model[name]


@breaks("RESUME-05", "not-writable")
class SavesAVersion(Exemplar):
    """Saves a number beside the tensors of the model, which a safetensors file cannot hold."""

    def save(self) -> Saved:
        saved = super().save()
        return Saved({**saved.model, "version": 1}, saved.sidecar)

    def load(self, saved: Saved) -> None:
        super().load(Saved({name: one for name, one in saved.model.items() if name != "version"}, saved.sidecar))


@breaks("RESUME-06", "mask-differs")
class RanksTheFirstParameters(Exemplar):
    """Ranks the tensors that it had at attach, which are no longer in use once a state was assigned."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        self.held: dict[str, torch.Tensor] = {}
        super().__init__(model, plan, contract)

    def _dense(self, name: str) -> torch.Tensor:
        return self.held.setdefault(name, super()._dense(name))

    def load(self, saved: Saved) -> None:
        for name in self.plan.names:
            self._dense(name)
        super().load(saved)

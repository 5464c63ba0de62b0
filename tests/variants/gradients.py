"""A correct sparsifier that scores by weight times gradient on the calibration batches, as SNIP does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.nn import functional

from sparsecheck import Context, Plan, Sparsified
from sparsecheck.adapter.protocol import Batch
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, new_mask

from . import variant


class ByGradient(Exemplar):
    """Scores by weight times gradient of the dense model, with a backward of its own that runs a user's hooks."""

    batches: tuple[Batch, ...] = ()

    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        scores = self._scores(plan)
        return {
            name: new_mask(pattern, scores[name], self.mask_tensor(name), self.contract)
            for name, pattern in plan.patterns.items()
        }

    def _scores(self, plan: Plan) -> dict[str, Tensor]:
        weights = {name: self._original(name) for name in plan.names}
        with (  # whatever mode the caller is in
            torch.inference_mode(False), torch.enable_grad(), self.unmasked(), _evaluating(self.model),
            _trainable(weights.values()),
        ):
            loss = torch.stack([self._loss(batch) for batch in self.batches]).sum()
            gradients = torch.autograd.grad(loss, [*weights.values()])
        pairs = zip(weights.items(), gradients, strict=True)
        return {name: weight.detach() * gradient for (name, weight), gradient in pairs}

    def _loss(self, batch: Batch) -> Tensor:
        inputs, target = map(self.cast, batch)
        return functional.mse_loss(self.model(inputs), target)

    def _original(self, name: str) -> nn.Parameter:
        path, _, attribute = name.rpartition(".")
        return self.model.get_submodule(path).get_parameter(f"parametrizations.{attribute}.original")

    def unmasked(self) -> AbstractContextManager[None]:
        return self._unmasked()

    @contextmanager
    def _unmasked(self) -> Iterator[None]:
        """Within, nothing is masked, so that removed entries have gradients too."""
        tensors = [self.mask_tensor(name) for name in self.plan.names]
        masks = [mask.clone() for mask in tensors]
        for mask in tensors:
            mask.fill_(True)
        try:
            yield
        finally:
            for mask, before in zip(tensors, masks, strict=True):
                mask.copy_(before)

    def cast(self, batch: Tensor) -> Tensor:
        """Return a batch on the device of the model, and in its dtype: the model may have been cast since attach."""
        one = next(self.model.parameters())
        return batch.to(one.device, one.dtype) if batch.is_floating_point() else batch.to(one.device)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Within, the model is in eval mode, so that no statistics change."""
    flags = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in flags.items():
            module.training = training


@contextmanager
def _trainable(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Within, the parameters are trainable."""
    flags = {parameter: parameter.requires_grad for parameter in parameters}
    for parameter in flags:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter, trains in flags.items():
            parameter.requires_grad_(trains)


@variant("score by gradients")
class ByGradientAdapter(ExemplarAdapter):
    """Runs the model backward in every update, and casts its calibration batches to the dtype of the model."""

    supported = ExemplarAdapter.supported.replace(" scope_all", "")
    unsupported = "scope_all"
    contract = replace(CONTRACT, score="opaque", ties="any")
    sparsified = ByGradient

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        sparsified = super().attach(model, plan, context)
        assert isinstance(sparsified, ByGradient)
        sparsified.batches = context.batches
        return sparsified


class _ByMaskedGradient(ByGradient):
    def unmasked(self) -> AbstractContextManager[None]:
        return nullcontext()


@variant("score by gradients of the sparse model")
class ByMaskedGradientAdapter(ByGradientAdapter):
    """Scores removed entries with zero, so that a lowered level brings back the first ones, trainable or not."""

    sparsified = _ByMaskedGradient

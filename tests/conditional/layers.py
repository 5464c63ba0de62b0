"""Wrong for some kind, size or memory format of a layer."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from sparsecheck import Channel, NofM, Plan, Unstructured
from sparsecheck.adapter.holders import split_name
from sparsecheck.adapter.shipped.exemplar import Exemplar, Keep
from sparsecheck.values.contract import Contract

from . import wrong
from .bases import Forgetful, Misranks, Remasks
from .scene import Scene

# ----------------------------------------------------------------- kinds


@wrong("conv1d", Scene("conv1d"), "conv1d")
class RanksConv1dSigned(Misranks):
    """Ranks a one-dimensional convolution by its signed weights."""

    def look_at(self, name: str, weight: Tensor) -> Tensor:
        return weight - weight.min() if weight.dim() == 3 else weight


@wrong("an embedding", Scene("embedding", patterns=(Unstructured(0.4),)), "embedding")
class PrunesEachRowOfAnEmbedding(Remasks):
    """Prunes an embedding to the level in every row, not over the whole table."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        return self.mask_each(name, len(mask)) if isinstance(self.module(name), nn.Embedding) else mask


@wrong("a layer that is neither linear, conv1d, conv2d nor embedding", Scene("conv3d"), "all others")
class PassesOverOtherLayers(Remasks):
    """Passes over all kinds of layers but linear, conv1d, conv2d and embedding silently."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        known = nn.Linear, nn.Conv1d, nn.Conv2d, nn.Embedding
        return mask if isinstance(self.module(name), known) else torch.ones_like(mask)


@wrong("conv3d", Scene("conv3d", patterns=(Channel(0.5),)), "conv3d")
class RanksTheFirstSlice(Misranks):
    """Ranks the channels of a three-dimensional convolution by the first slice of its window."""

    def look_at(self, name: str, weight: Tensor) -> Tensor:
        if weight.dim() != 5:
            return weight
        return torch.cat([weight[:, :, :1], torch.zeros_like(weight[:, :, 1:])], 2)


@wrong("a transposed convolution", Scene("transposed conv2d", patterns=(Channel(0.5),)), "transposed convolutions")
class SwapsTheTransposed(Remasks):
    """Removes slices along dimension 1 of a transposed convolution where dimension 0 was planned."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        if not isinstance(self.module(name), nn.ConvTranspose2d) or not isinstance(self.pattern(name), Channel):
            return mask
        score = self._dense(name).abs().sum((0, 2, 3))
        kept = score >= score.sort().values[len(score) // 2]
        return kept.view(1, -1, 1, 1).expand_as(mask)


@wrong("a grouped convolution", Scene("grouped conv2d", patterns=(Unstructured(0.4),)), "grouped convolutions")
class PrunesEachGroup(Remasks):
    """Prunes a grouped convolution to the level in every group."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        groups = getattr(self.module(name), "groups", 1)
        return self.mask_each(name, groups) if 1 < groups < len(mask) else mask


@wrong("a depthwise convolution", Scene("depthwise conv2d"), "depthwise convolutions")
class KeepsDepthwiseDense(Remasks):
    """Passes over depthwise convolutions silently."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        depthwise = getattr(self.module(name), "groups", 1) == len(mask) > 1
        return torch.ones_like(mask) if depthwise else mask


@wrong("a convolution with one output", Scene("conv2d with one output"), "convolutions")
class TakesOneOutputForDepthwise(Remasks):
    """A convolution with one output channel is treated as depthwise: each input is pruned by itself."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        if mask.dim() != 4 or mask.shape[0] != 1 or not isinstance(self.pattern(name), Unstructured):
            return mask
        size, kept = self._dense(name).abs().flatten(2), round(mask.float().mean().item() * mask[0, 0].numel())
        return (size >= size.sort(-1, descending=True).values[..., kept - 1:kept]).view_as(mask)


@wrong("a convolution with one input", Scene("conv2d with one input", patterns=(Channel(0.5),)), "convolutions")
class SqueezesTheOnlyInput(Misranks):
    """Squeezes the only input of a convolution, and ranks the filters by the first row of their window."""

    def look_at(self, name: str, weight: Tensor) -> Tensor:
        if weight.dim() != 4 or weight.shape[1] != 1 or weight.shape[0] == 1:
            return weight
        return torch.cat([weight[:, :, :1], torch.zeros_like(weight[:, :, 1:])], 2)


@wrong("an LSTM", Scene("lstm", patterns=(Unstructured(0.4),)), "lstm")
class PrunesEachGate(Remasks):
    """Prunes an LSTM to the level in every gate."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        return self.mask_each(name, 4) if isinstance(self.module(name), nn.LSTM) else mask


@wrong("a GRU", Scene("gru", attributes=("weight_ih_l0", "weight_hh_l0"), planned=1), "gru")
class SharesTheMaskOfAGRU(Remasks):
    """The recurrent weight of a GRU gets the mask of its input weight."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        other = name.replace("weight_hh", "weight_ih")
        gru = isinstance(self.module(name), nn.GRU) and other in self.plan.names
        return self.mask_tensor(other).clone() if gru and self.mask_tensor(other).shape == mask.shape else mask


@wrong("attention", Scene("attention"), "attention")
class PrunesTheQueryAlone(Remasks):
    """Prunes the query's third of an attention's projection alone."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        if isinstance(self.module(name), nn.MultiheadAttention):
            mask[len(mask) // 3:] = True
        return mask


@wrong("a parameter with one dimension", Scene("norm"), "norm, bias")
class PassesOverVectors(Remasks):
    """Parameters with one dimension stay dense silently."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        return torch.ones_like(mask) if mask.dim() == 1 else mask


@wrong("a parameter of a user's own module", Scene("plain parameter"), "other modules")
class KnowsTorchsModulesAlone(Remasks):
    """Parameters of modules that are not torch's stay dense silently."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        bases = type(self.module(name)).__mro__
        return mask if any(one is not nn.Module and one.__module__.startswith("torch.nn.modules") for one in bases) \
            else torch.ones_like(mask)


# ----------------------------------------------------------------- sizes


@wrong("more than 2^16 entries", Scene("linear of 66820 entries", planned=1))
class RanksLargeLayersRoughly(Misranks):
    """Ranks in bfloat16 above 2^16 entries."""

    def look_at(self, name: str, weight: Tensor) -> Tensor:
        return weight.bfloat16() if weight.numel() > 2**16 else weight


@wrong("more than 256 channels", Scene("linear of 300 outputs", patterns=(Channel(0.5),)))
class NumbersChannelsInBytes(Remasks):
    """Numbers channels in eight bits: those after the first 256 get the masks of the first ones."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        channels = isinstance(self.pattern(name), Channel)
        return mask[torch.arange(len(mask), device=mask.device) % 256] if channels else mask


@wrong("one output", Scene("linear with one output"), "linear, convolutions")
class SqueezesOneOutput(Remasks):
    """A weight with one output is squeezed to a vector, and vectors are never pruned."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        return torch.ones_like(mask) if mask.shape[0] == 1 else mask


@wrong("one entry", Scene("linear with one entry"), "linear")
class RemovesTheOnlyEntry(Remasks):
    """Removes one entry at least, also of a weight that has only one."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        return mask & (mask.numel() > 1)


@wrong("an odd number of entries", Scene("linear of prime sizes"))
class CountsInPairs(Remasks):
    """Removes the first entry of a weight with an odd number of entries in addition to the count."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        if mask.numel() % 2 and mask.numel() > 1:
            mask.view(-1)[0] = False
        return mask


@wrong("two layers of one shape, ranked by channel", Scene(patterns=(Channel(0.5),)))
class FindsLayersByShape(Remasks):
    """Two layers of one shape share the channel mask of the first."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        alike = [other for other in self.plan.names if self.mask_tensor(other).shape == mask.shape]
        linear = isinstance(self.pattern(name), Channel) and mask.dim() == 2
        return self.mask_tensor(alike[0]).clone() if linear else mask


# ----------------------------------------------------------------- memory


@wrong("channels_last", Scene("conv2d", memory="channels_last"), "convolutions")
class RanksChannelsLastAsStored(Misranks):
    """Ranks a channels_last convolution in the order of its memory."""

    def look_at(self, name: str, weight: Tensor) -> Tensor:
        last = weight.dim() == 4 and not weight.is_contiguous()
        return weight.permute(0, 2, 3, 1).reshape(weight.shape) if last else weight


@wrong("a transposed weight under N:M", Scene(patterns=(NofM(1, 2),), memory="transposed"), "linear")
class GroupsAsStored(Misranks):
    """Makes N:M groups of a transposed weight in the order of its memory."""

    def look_at(self, name: str, weight: Tensor) -> Tensor:
        stored = isinstance(self.plan.patterns[name], NofM) and not weight.is_contiguous()
        return weight.t().reshape(weight.shape) if stored else weight


class _Masked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, mask: Tensor) -> Tensor:
        ctx.save_for_backward(mask)
        return weight.masked_fill(~mask, 0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        [gradient], [mask] = gradients, ctx.saved_tensors
        return gradient if not gradient.is_contiguous() else gradient.masked_fill(~mask, 0), None


class _MasksPlainGradients(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        masked: Tensor = cast(Any, _Masked).apply(weight, self.mask)
        return masked


@wrong("a gradient that is not contiguous", Scene("plain parameter", steps=("update", "forward", "backward")),
       moment="backward")
class LeavesStridedGradients(Exemplar):
    """A gradient that is not contiguous passes the mask."""

    keep = _MasksPlainGradients


# ----------------------------------------------------------------- inputs and calls


@wrong("an input of three dimensions", Scene("linear on 3-d inputs"), "linear", "forward")
class MixesRows(Exemplar):
    """The rows of a Linear's input are mixed up whenever the input has three dimensions."""

    def _register(self, name: str) -> None:
        super()._register(name)
        layer = self.model.get_submodule(split_name(name)[0])
        if isinstance(layer, nn.Linear):
            forward = layer.forward
            vars(layer)["forward"] = lambda inputs: forward(inputs.flip(1) if inputs.dim() == 3 else inputs)


@wrong("an empty batch", Scene("linear on an empty batch", steps=("update", "forward", "backward")), "linear",
       "forward")
class DetachesEmptyBatches(Exemplar):
    """A layer that is run on an empty batch returns an output without a gradient."""

    def _register(self, name: str) -> None:
        super()._register(name)
        layer = self.model.get_submodule(split_name(name)[0])
        forward = layer.forward
        vars(layer)["forward"] = lambda *inputs: (
            forward(*inputs) if inputs[0].numel() else forward(*inputs).detach())


class _FirstCall(Forgetful):
    calls: int | None = None

    def forgets(self, weight: Tensor) -> bool:
        self.calls = None if self.calls is None else self.calls + 1
        return (self.calls or 0) > 1


@wrong("a layer that is called twice in one forward", Scene("linear called twice"), moment="forward")
class MasksTheFirstCall(Exemplar):
    """A layer that is called twice in one forward is masked in the first call only."""

    keep = _FirstCall

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        self._forward, vars(model)["forward"] = model.forward, self._counted

    def _counted(self, *inputs: Tensor) -> Tensor:
        self._count(0)
        try:
            output: Tensor = self._forward(*inputs)
        finally:
            self._count(None)
        return output

    def _count(self, calls: int | None) -> None:
        for name in self.plan.names:
            vars(next(self.parametrizations(name)))["calls"] = calls


@wrong("a name that begins with a planned one", Scene(planned=1))
class PrunesByPrefix(Exemplar):
    """Zeroes the removed entries of layer10 too, since its name begins with that of layer1."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        names = self.plan.names
        for name, parameter in self.model.named_parameters():
            for planned in names if name not in names else ():
                path, attribute = split_name(planned)
                if len(names) == 1 and name.startswith(path) and name.endswith(f"0.{attribute}"):
                    parameter.data.masked_fill_(~self.mask_tensor(planned), 0)

"""Small real networks, built from torch.nn alone, and what each learns from the images of digits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from .digits import digits

_CHANNELS, _WIDTH = 8, 32
"""The first number of channels, and the number of features of a position."""

_ROWS, _CLASSES, _SHADES = 8, 10, 5


def _norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, momentum=0.3)  # whose statistics follow within a few steps


class Residual(nn.Module):
    """Two convolutions with batch norms, and a shortcut around them, which a convolution fits if shapes differ."""

    def __init__(self, channels: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.norm1 = _norm(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2 = _norm(out)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or channels != out:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), _norm(out))

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = functional.relu(self.norm1(self.conv1(inputs)))
        return functional.relu(self.norm2(self.conv2(hidden)) + self.shortcut(inputs))


class ResNet(nn.Module):
    """A stem, two residual blocks and a head: the digit that an image shows."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, _CHANNELS, 3, padding=1, bias=False)
        self.norm = _norm(_CHANNELS)
        self.block1 = Residual(_CHANNELS, _CHANNELS)
        self.block2 = Residual(_CHANNELS, 2 * _CHANNELS, stride=2)
        self.head = nn.Linear(2 * _CHANNELS, _CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.block2(self.block1(functional.relu(self.norm(self.stem(images.unsqueeze(1))))))
        logits: Tensor = self.head(hidden.mean((2, 3)))
        return logits


class Encoder(nn.Module):
    """A transformer encoder over the rows of an image: the digit that it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(_ROWS, _WIDTH)
        self.position = nn.Parameter(0.1 * torch.randn(_ROWS, _WIDTH))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(_WIDTH, 2, 2 * _WIDTH, dropout=0.1, batch_first=True) for _ in range(2)
        )
        self.head = nn.Linear(_WIDTH, _CLASSES)

    def forward(self, rows: Tensor) -> Tensor:
        hidden = self.embed(rows) + self.position
        for layer in self.layers:
            hidden = layer(hidden)
        logits: Tensor = self.head(hidden.mean(1))
        return logits


class CausalBlock(nn.Module):
    """Attention to earlier positions, and a feed-forward network, each after a norm and added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.output = nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(0.1)

    def forward(self, inputs: Tensor) -> Tensor:
        normed = self.norm1(inputs)
        query, key, value = (_heads(layer(normed)) for layer in (self.query, self.key, self.value))
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True).transpose(1, 2).flatten(2)
        hidden = inputs + self.dropout(self.output(mixed))
        out: Tensor = hidden + self.dropout(self.down(functional.gelu(self.up(self.norm2(hidden)))))
        return out


def _heads(hidden: Tensor) -> Tensor:
    """Return a sequence of features as two sequences of half of them."""
    batch, length, features = hidden.shape
    return hidden.view(batch, length, 2, features // 2).transpose(1, 2)


class Decoder(nn.Module):
    """A causal decoder over the shades of a coarse image: the next shade at every position."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(_SHADES + 1, _WIDTH)
        self.position = nn.Parameter(0.1 * torch.randn(_ROWS * 2, _WIDTH))
        self.blocks = nn.ModuleList(CausalBlock(_WIDTH) for _ in range(2))
        self.norm = nn.LayerNorm(_WIDTH)
        self.head = nn.Linear(_WIDTH, _SHADES)

    def forward(self, shades: Tensor) -> Tensor:
        hidden = self.embed(shades) + self.position
        for block in self.blocks:
            hidden = block(hidden)
        logits: Tensor = self.head(self.norm(hidden))
        return logits.transpose(1, 2)


class Tagger(nn.Module):
    """An LSTM in both directions over the rows of an image: the digit, at every row."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(_ROWS, _WIDTH)
        self.lstm = nn.LSTM(_WIDTH, _WIDTH, batch_first=True, bidirectional=True)
        self.mix = nn.Linear(2 * _WIDTH, _WIDTH)
        self.head = nn.Linear(_WIDTH, _CLASSES)

    def forward(self, rows: Tensor) -> Tensor:
        hidden, _ = self.lstm(self.embed(rows))
        logits: Tensor = self.head(functional.relu(self.mix(hidden)))
        return logits.transpose(1, 2)


@dataclass(frozen=True)
class Family:
    """A kind of network, with its task.

    Attributes:
        build: Returns the network, with weights drawn from torch's global random state.
        task: Returns inputs and targets for all images; classes are the second dimension of an output.
        classes: The number of classes.
        planned: The parameters that can be planned, each with its kind on the layer axis of WALK-02.
    """

    build: Callable[[], nn.Module]
    task: Callable[[], tuple[Tensor, Tensor]]
    classes: int
    planned: dict[str, str]


def _tensors(inputs: NDArray[np.float64], targets: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(inputs).float(), torch.from_numpy(targets)


def _images() -> tuple[Tensor, Tensor]:
    return _tensors(*digits())


def _tagged_rows() -> tuple[Tensor, Tensor]:
    images, labels = digits()
    return _tensors(images, np.repeat(labels[:, None], _ROWS, axis=1))


def _shades() -> tuple[Tensor, Tensor]:
    """Return images of 4 x 4 shades as sequences, behind a first token, and the same one position earlier."""
    coarse = digits()[0].reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 2 * _ROWS)
    shades = torch.from_numpy(np.minimum((coarse * _SHADES).astype(np.int64), _SHADES - 1))
    return functional.pad(shades, (1, -1), value=_SHADES), shades


_CONVOLUTIONS = ("stem", "block1.conv1", "block1.conv2", "block2.conv1", "block2.conv2", "block2.shortcut.0")
_OF_BLOCK = ("query", "key", "value", "output", "up", "down")
_OF_LSTM = ("ih_l0", "hh_l0", "ih_l0_reverse", "hh_l0_reverse")

FAMILIES: dict[str, Family] = {
    "resnet": Family(ResNet, _images, _CLASSES, {f"{one}.weight": "conv2d" for one in _CONVOLUTIONS}),
    "encoder": Family(Encoder, _images, _CLASSES, {
        "embed.weight": "linear",
        **{f"layers.{layer}.self_attn.in_proj_weight": "attention" for layer in range(2)},
        **{f"layers.{layer}.self_attn.out_proj.weight": "attention-output" for layer in range(2)},
        **{f"layers.{layer}.linear{one}.weight": "linear" for layer in range(2) for one in (1, 2)},
    }),
    "decoder": Family(
        Decoder, _shades, _SHADES,
        {f"blocks.{block}.{one}.weight": "linear" for block in range(2) for one in _OF_BLOCK},
    ),
    "tagger": Family(
        Tagger, _tagged_rows, _CLASSES,
        {"embed.weight": "linear", **{f"lstm.weight_{one}": "lstm" for one in _OF_LSTM}, "mix.weight": "linear"},
    ),
}
"""The networks by their names on the layer axis of the area MODEL."""

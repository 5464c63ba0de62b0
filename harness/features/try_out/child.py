"""The program of the child process: load a sparsifier and a model, and answer what is asked on a socket.

python -m sparsecheck.features.try_out.child ADDRESS REQUEST
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir

import msgspec
import torch

from ...adapter.discovery import Found, find, load
from ...errors import SparsecheckError
from ...run.lines import connected
from ...values.plan import Scope
from .judge import Judge
from .messages import Answer, Ask, Began, Message, Ready, Request, Shown, Unusable
from .own_model import OwnModel, load_model
from .planning import Layer, default_plan, layers_of, read_plan


class _Tried:
    """A sparsifier on a model, both loaded.

    Args:
        request: What is tried.
        tell: Receives a message as each step begins.
    """

    def __init__(self, request: Request, tell: Callable[[Message], None]) -> None:
        files = tuple(map(Path, request.files))
        found = load(find(request.sparsifier, files))
        content = read_plan(Path(request.plan)) if request.plan else default_plan(found.declaration, request.level)
        own = load_model(request.model)
        self._layers: list[Layer] = [*layers_of(own, content)]
        self._scope: Scope = content.scope
        self._judge = Judge(found, own, files, lambda step: tell(Began(step)))
        shown = tuple(_shown(layer, own) for layer in self._layers)
        self.ready = Ready(_head(found, own), shown, self._judge.statements)

    def answer(self, ask: Ask) -> Answer:
        """Return what is found about one thing."""
        layers = [self._layers[number] for number in ask.layers]
        return self._judge.together(ask.what, layers, self._scope) if ask.what else self._judge.alone(layers[0])


def _head(found: Found, own: OwnModel) -> str:
    count = sum(one.numel() for one in own.model.parameters())
    mode = f", {own.note}" if own.note else ""
    return f"{found.name} on {own.where}: {count:,} parameters, torch {torch.__version__}{mode}"


def _shown(layer: Layer, own: OwnModel) -> Shown:
    shape = "x".join(map(str, layer.parameter.shape))
    return Shown(layer.name.removeprefix(own.prefix), f"{layer.kind} {shape}")


def main(address: str, request: Request) -> None:
    """Load what is tried, and answer until the socket is closed."""
    torch.set_num_threads(request.threads)
    gettempdir()  # which it remembers; found later, it would count as a change of the process
    with connected(address) as stream:

        def tell(message: Message) -> None:
            stream.write(msgspec.json.encode(message) + b"\n")
            stream.flush()

        try:
            tried = _Tried(request, tell)
        except SparsecheckError as error:
            tell(Unusable(error.message, error.hint))
            return
        tell(tried.ready)
        for line in stream:
            tell(tried.answer(msgspec.json.decode(line, type=Ask)))


if __name__ == "__main__":
    main(sys.argv[1], msgspec.json.decode(sys.argv[2], type=Request))

"""Broken in what they leave behind in the process, more with every model."""

from __future__ import annotations

import os
import tempfile
import threading
from typing import IO, Any, ClassVar

from torch import nn

from sparsecheck import Plan
from sparsecheck.adapter.shipped.exemplar import Exemplar
from sparsecheck.values.contract import Contract

from . import breaks


@breaks("PROCESS-02", "grows")
class StartsAThread(Exemplar):
    """Starts a thread for every model, and never ends it."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        threading.Thread(target=threading.Event().wait, daemon=True).start()


@breaks("PROCESS-02", "grows")
class OpensALog(Exemplar):
    """Opens a log file for every model, and never closes it."""

    logs: ClassVar[list[IO[str]]] = []

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        self.logs.append(os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))


@breaks("PROCESS-02", "grows")
class LeavesATemporaryFile(Exemplar):
    """Saves every model to a temporary file, and never removes it."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        handle, _ = tempfile.mkstemp()
        os.close(handle)


@breaks("PROCESS-02", "grows")
class KeepsAHistory(Exemplar):
    """Appends 64 KiB to a list of the class at each update."""

    history: ClassVar[list[Any]] = []

    def update(self, level: float | None = None) -> None:
        super().update(level)
        self.history.append(bytes(1 << 16))

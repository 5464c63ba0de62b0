"""Try a sparsifier in a child process, which may crash, hang or exit: each is an answer, and another child goes on."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from ...errors import NotJudged
from ...run.lines import EndedEarly, Line
from ...run.subprocesses import Children
from .messages import Answer, Ask, Began, Message, Ready, Request, Unusable

_MODULE = f"{__package__}.child"
_START_LIMIT = 600.0
"""Seconds that a child may take to import the adapter and to make the model."""


class Runner:
    """Asks a child, and starts another one after one that did not survive.

    Args:
        request: What is tried.
        limit: Seconds that one answer may take.
        children: The children.
        folder: An existing folder for sockets and logs.
    """

    def __init__(self, request: Request, limit: float, children: Children, folder: Path) -> None:
        self._request = request
        self._limit = limit
        self._children = children
        self._folder = folder
        self._line: Line | None = None

    def ready(self) -> Ready:
        """Start a child, and return what it is ready for.

        Raises:
            NotJudged: The adapter, the model or the plan cannot be used, or the child does not survive them.
            Stopped: The command was interrupted.
        """
        name, text = self._request.sparsifier, msgspec.json.encode(self._request).decode()
        try:
            self._line = Line(name, self._children, self._folder, _MODULE, lambda address: (address, text),
                              {"OMP_NUM_THREADS": str(self._request.threads)})
            message = self._received(time.monotonic() + _START_LIMIT)
        except EndedEarly as error:
            raise NotJudged(f"{name} cannot be tried: its process {error}") from None
        except TimeoutError:
            raise NotJudged(f"{name} cannot be tried: adapter and model were still being loaded after "
                            f"{_START_LIMIT:g} seconds") from None
        if isinstance(message, Unusable):
            raise NotJudged(message.message, message.hint)
        if isinstance(message, Ready):
            return message
        raise NotJudged(f"{name} cannot be tried: while adapter and model were loaded, {self._line.end()}")

    def ask(self, ask: Ask, what: str) -> Answer:
        """Return the answer of a child; that it fails, if the child does not survive it.

        Args:
            ask: What to judge.
            what: The parameter or the statement.

        Raises:
            Stopped: The command was interrupted.
        """
        if self._line is None or not self._line.is_open:
            self.ready()
        line, until, at = self._line, time.monotonic() + self._limit, ""
        assert line is not None
        line.send(msgspec.json.encode(ask))
        while True:
            try:
                message = self._received(until)
            except TimeoutError:
                line.close()
                return Answer(what, "fails", f"hangs: {at}it was still running after {self._limit:g} seconds")
            if isinstance(message, Answer):
                return message
            if message is None:
                return Answer(what, "fails", f"process-ended: {at}{line.end()}")
            assert isinstance(message, Began)
            at = f"{message.step}: "

    def _received(self, until: float) -> Message | None:
        """Return the next message, or None if the child has closed the connection."""
        assert self._line is not None
        line = self._line.receive(until)
        return msgspec.json.decode(line, type=Message) if line else None

    def close(self) -> None:
        """End the child, if there is one."""
        if self._line is not None:
            self._line.close()

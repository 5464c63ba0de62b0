"""The one hierarchy of errors that users meet, and the exit codes of the command line. Each class decides its code."""

from __future__ import annotations

from typing import ClassVar

OK, RED, UNUSABLE, INCOMPLETE = range(4)

EXIT_CODES: dict[int, str] = {
    OK: "everything planned was judged, and nothing is red",
    RED: "something is red: a failure, a stale expectation or an error; or nothing passed; or something got worse",
    UNUSABLE: "bad usage, an unusable file or output, or a sparsifier that could not be judged",
    INCOMPLETE: "incomplete: a planned cell was not judged, a run was interrupted, or a report was cut short",
}
"""The meaning of each exit code, as README and `sparsecheck --help` print it."""


class SparsecheckError(Exception):
    """An error that a user can act on.

    Attributes:
        message: The problem and its place, as one sentence without its full stop.
        hint: The next step, as whole sentences; may be empty.
        exit_code: The exit code of a command that ends with this error; a key of `EXIT_CODES`.
    """

    exit_code: ClassVar[int] = UNUSABLE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(*((message, hint) if hint else (message,)))
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class BadUsage(SparsecheckError):
    """Raised if the arguments of a command cannot be satisfied."""


class NotJudged(SparsecheckError):
    """Raised if something that a command needs a verdict on could not be judged."""


class Incomplete(SparsecheckError):
    """Raised if a run, a report or a recording ended before everything planned was done."""

    exit_code = INCOMPLETE

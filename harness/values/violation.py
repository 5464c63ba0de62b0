"""The exceptions of a case: a requirement is not met, or cannot be judged here."""

from __future__ import annotations

from .comparisons import note


class Violation(AssertionError):
    """A requirement is not met.

    Args:
        kind: A stable slug that expectations cite, such as `mask-differs`.
        message: What differs, where and by how much.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message


class CannotJudge(Exception):
    """The judge itself fails, for instance since torch cannot train the dense model; the message says where and how."""


def require(condition: bool, kind: str, message: str) -> None:
    """Compare: check a condition that a requirement demands. The message names the parameter that is compared.

    Raises:
        Violation: The condition does not hold.
    """
    note(message)
    presume(condition, kind, message)


def presume(condition: bool, kind: str, message: str) -> None:
    """Check a condition without which there is nothing to compare; it does not count as a comparison.

    Raises:
        Violation: The condition does not hold.
    """
    if not condition:
        raise Violation(kind, message)

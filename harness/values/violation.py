"""The exception that every case raises if a requirement is not met."""

from __future__ import annotations


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


def require(condition: bool, kind: str, message: str) -> None:
    """Check a condition that a requirement demands.

    Raises:
        Violation: The condition does not hold.
    """
    if not condition:
        raise Violation(kind, message)

"""The protocol of a schedule at work: what a user of the package does once per step of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class Scheduled(ABC):
    """A schedule at work on one sparsifier. It stands at step 0 when it is made."""

    @abstractmethod
    def advance(self) -> None:
        """Update the masks at the level of the present step, and go on to the next step."""

    def skip(self) -> None:
        """Go on to the next step as a user does who forgets the update; override this if your package has two calls.

        By default there is one call for both, `advance`.
        """
        self.advance()

    @abstractmethod
    def levels(self) -> dict[str, float]:
        """Return, by planned name, the level at which the package says that it made the last update."""

    @abstractmethod
    def state(self) -> Any:
        """Return the state that a user of the package saves, beside that of the sparsifier, to resume the schedule."""

    @abstractmethod
    def load(self, state: Any) -> None:
        """Load a state into this schedule, which was made anew for a restored sparsifier."""

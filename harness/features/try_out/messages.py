"""Messages between the command and the child process that tries a sparsifier: one JSON value per line."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

OF_OUTPUTS = "the plan removes outputs of the model itself, with which nothing can be compared"
"""Why a plan is not judged; such a parameter is not planned with others."""

Standing = Literal["holds", "refuses", "fails", "not judged"]


class Request(Struct, frozen=True):
    """What is tried; an argument of the child.

    Attributes:
        sparsifier: The name of the sparsifier.
        files: Adapter files.
        model: The function that makes the model.
        plan: The plan file; empty for a plan of every weight.
        level: The fraction to remove of every weight, without a plan file.
        threads: The number of threads that torch uses.
    """

    sparsifier: str
    files: tuple[str, ...]
    model: str
    plan: str
    level: float
    threads: int


class Ask(Struct, frozen=True):
    """What to judge next.

    Attributes:
        layers: The numbers of the planned parameters.
        what: The statement about all of them; empty if a single one is judged by itself.
    """

    layers: tuple[int, ...]
    what: str = ""


class Shown(Struct, frozen=True):
    """A planned parameter.

    Attributes:
        name: Its name, as the user knows it.
        place: The class of the module that holds it, and its shape.
    """

    name: str
    place: str


class Ready(Struct, frozen=True, tag=True):
    """The adapter and the model are loaded.

    Attributes:
        head: What is tried on what, in a line.
        layers: The planned parameters.
        statements: The statements about all of them.
    """

    head: str
    layers: tuple[Shown, ...]
    statements: tuple[str, ...]


class Unusable(Struct, frozen=True, tag=True):
    """The adapter, the model or the plan cannot be used.

    Attributes:
        message: The message of the error.
        hint: The next step; may be empty.
    """

    message: str
    hint: str


class Began(Struct, frozen=True, tag=True):
    """A step of a life begins.

    Attributes:
        step: Its number and its description.
    """

    step: str


class Answer(Struct, frozen=True, tag=True):
    """What was found about one thing.

    Attributes:
        what: The parameter or the statement.
        standing: Whether it holds.
        why: The refusal, the failure, or the reason why it was not judged; empty if it holds.
    """

    what: str
    standing: Standing
    why: str = ""

    @property
    def is_taken(self) -> bool:
        """Return whether the parameter about which this was found is planned with others."""
        return self.standing == "holds" or (self.standing == "not judged" and self.why != OF_OUTPUTS)


Message = Ready | Unusable | Began | Answer

"""The ways in which a verdict, a report or a message can give way; each attack belongs to one of them."""

from __future__ import annotations

LINES = {
    "A1": "The adapter changes its plan, or a mask that it was given",
    "A2": "The adapter changes its declaration while it is judged",
    "A3": "The adapter changes the batches or the inputs",
    "A4": "A crash passes for a refusal",
    "A5": "A warning passes for a refusal",
    "A6": "The adapter swallows the time limit of a case",
    "A7": "The adapter replaces a function that torch inherits or keeps elsewhere",
    "A8": "The adapter changes its process for good",
    "A9": "The adapter states a distribution that is not installed",
    "A10": "The adapter reaches into the harness or its report",
    "A11": "The adapter returns objects that lie",
    "B10": "Other code is judged than the one that is printed",
    "B11": "Records of other code are taken over",
    "B12": "One sparsifier harms another",
    "C13": "A proposed expectation explains more than it has seen",
    "C14": "An expectation explains failures of another cause",
    "C15": "An expectation stays although its defect is gone",
    "C16": "An expectation file is unusable, and nobody is told",
    "D17": "A file is overwritten, or left in half",
    "D18": "An interrupt is not obeyed, or blames somebody",
    "D19": "A problem of the machine or of a file has the exit code of a failure",
    "D20": "Text from outside controls the terminal or a page",
    "D21": "Unusual names and folders end in a traceback",
    "D22": "Huge inputs take all memory, or are printed whole",
    "D23": "The cause is not reported",
    "E24": "JUnit is green where the run is not",
    "E25": "A report that contradicts itself is accepted",
    "F1": "The environment of the command changes the verdict",
}
"""The titles, by the name of the line."""

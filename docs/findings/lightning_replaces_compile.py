"""lightning: importing it replaces torch.compile for the whole process.

`lightning.fabric.wrappers` assigns a function of its own to `torch.compile`, to remember the arguments. Whoever
compares, patches or wraps torch.compile afterwards has lightning's in hand.
"""

import sys

import torch

before = torch.compile
import lightning.pytorch  # noqa: E402, F401

print(f"expected: torch.compile of {before.__module__}\nseen: torch.compile of {torch.compile.__code__.co_filename}")
sys.exit(torch.compile is not before)

"""Compose one plain script out of a program, its checks, and the code that both depend on."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable

from ..adapter.protocol import Adapter, Context, Saved
from ..oracle import random_numbers
from ..trials.models import Chain
from ..values import pattern
from ..values.plan import Plan
from . import build, weights
from .format_code import unparse, wrap_line
from .inlining import CannotInline, Inlined, joined
from .render import torch_imports
from .script_lines import Lines
from .structural import network

_PATTERNS = (pattern.Band, pattern.Block, pattern.Channel, pattern.Given, pattern.NofM, pattern.Unstructured)
_NAMES = (
    Plan, Context, Saved, *_PATTERNS, Chain, build.Fit, build.Scale, build.LSTM, build.GRU, build.SelfAttention,
    build.given_mask, weights.draw, weights.distinct, random_numbers.integers, random_numbers.reals, network.learn,
)
"""What the lines of a program may name besides torch."""

_OF_DATACLASSES = {"from msgspec.structs import replace": "from dataclasses import replace"}
"""Imports that a script has in place of others, since its structs are dataclasses."""

_VALUES = ("sparsecheck.values", "sparsecheck.adapter")


def compose(script: Lines, adapter: Adapter | None, ending: Iterable[str] = ()) -> str:
    """Return a script as text, without a header.

    Args:
        script: The lines of the program.
        adapter: The adapter, whose code is copied. Without one, the script needs a variable `adapter` and sparsecheck.
        ending: More lines, at the end.

    Raises:
        CannotInline: Code cannot be copied.
    """
    uses_context = adapter is None or "context." in inspect.getsource(sys.modules[type(adapter).__module__])
    body = [*script.lines(uses_context), *ending]
    text = "\n".join(body)
    roots = [(one.__module__, one.__name__) for one in _NAMES if re.search(rf"(?<!nn\.)\b{one.__name__}\(", text)]
    roots += [(one.__module__, one.__name__) for one in script.checks]
    if adapter is not None:
        if vars(adapter):
            raise CannotInline(f"its {type(adapter).__name__} is constructed with {', '.join(vars(adapter))}")
        roots.append((type(adapter).__module__, type(adapter).__name__))
        body.insert(0, f"adapter = {type(adapter).__name__}()")
    inlined = Inlined(dict.fromkeys(roots), text, () if adapter is not None else _VALUES)
    code = "\n\n\n".join(map(unparse, inlined.code()))
    code = re.sub(r"^(\w+ = .*)\n\n\n(?=\w+ = )", r"\1\n", code, flags=re.MULTILINE)
    own = [line for one in body for line in wrap_line(one)]
    named = {"from dataclasses import dataclass"} if "@dataclass" in code else set()
    imports = {_OF_DATACLASSES.get(one, one) for one in inlined.imports}
    statements = joined({*imports, *torch_imports([text]), *named})
    return "\n".join([*statements, "", "", code, "", "", *own, ""])

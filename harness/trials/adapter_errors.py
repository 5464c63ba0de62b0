"""Locate the line of an adapter that an error came from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import FrameSummary, extract_tb  # bound here, where no adapter can replace it
from typing import Any

from _pytest.outcomes import Exit

from ..adapter.protocol import Adapter
from ..report.verdict import said, type_name
from ..values.violation import Violation


@contextmanager
def errors_located_in(adapter: Adapter, call: str) -> Iterator[None]:
    """Add the adapter's line to every error that is raised inside.

    Args:
        adapter: The adapter.
        call: The method whose first line is named if no line of the adapter is in the traceback.

    Raises:
        Violation: A violation raised inside, with the line added; any other error as `adapter-raises`.
    """
    try:
        yield
    except Violation as error:
        raise Violation(error.kind, f"{error.message}; look at {first_line(getattr(adapter, call))}") from error
    except Exit:
        raise
    except Exception as error:
        through = adapter_frames(error, adapter)
        raiser = through[0].name if through else call
        place = innermost_line(error, adapter) or first_line(getattr(adapter, call))
        message = f"{raiser} raises {type_name(error)}: {said(error)}; look at {place}"
        raise Violation("adapter-raises", message) from error


def innermost_line(error: BaseException, adapter: Adapter) -> str:
    """Return the innermost traceback line inside the adapter's file, or an empty string."""
    frames = adapter_frames(error, adapter)
    return f"{frames[-1].name}, {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def adapter_frames(error: BaseException, adapter: Adapter) -> list[FrameSummary]:
    """Return the frames of a traceback that lie in the adapter's file, outermost first; none if it has no file."""
    own = adapter_file(adapter)
    return [frame for frame in extract_tb(error.__traceback__) if frame.filename == own]


def adapter_file(adapter: Adapter) -> str:
    """Return the file that defines an adapter's class, or an empty string if its module has none."""
    try:
        return inspect.getfile(type(adapter))
    except (TypeError, OSError):
        return ""


def first_line(function: Callable[..., Any]) -> str:
    """Return the place where a function or method begins, or its type if it is another kind of callable."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return f"a {type(function).__name__} without source code"
    return f"{function.__name__}, {Path(code.co_filename).name}:{code.co_firstlineno}"

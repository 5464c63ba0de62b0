"""Which line of an adapter to look at."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _pytest.outcomes import Exit

from ..adapter.protocol import Adapter
from ..report.verdict import said
from ..values.violation import Violation


@contextmanager
def errors_located_in(adapter: Adapter, call: str) -> Iterator[None]:
    """Whatever goes wrong within is told with the line of `adapter` to look at, by default that of its `call`.

    Raises:
        Violation: what was raised, if it was one; else of kind `adapter-raises`.
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
        message = f"{raiser} raises {type(error).__name__}: {said(error)}; look at {place}"
        raise Violation("adapter-raises", message) from error


def innermost_line(error: BaseException, adapter: Adapter) -> str:
    """The innermost line in the adapter's own file that an exception came through; nothing if it did not."""
    frames = adapter_frames(error, adapter)
    return f"{frames[-1].name}, {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def adapter_frames(error: BaseException, adapter: Adapter) -> list[traceback.FrameSummary]:
    """The calls in the adapter's own file that an exception came through, outermost first."""
    own = inspect.getfile(type(adapter))
    return [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own]


def first_line(function: Callable[..., Any]) -> str:
    """Where a function or method begins."""
    code = inspect.unwrap(function).__code__
    return f"{function.__name__}, {Path(code.co_filename).name}:{code.co_firstlineno}"

"""Timings in a file: pytest-benchmark's own record, in which each benchmark carries its timing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ...errors import SparsecheckError
from ...values.timing import Timing
from .compare import Saved

_PLACE = ("dtype", "torch", "python", "architecture", "threads", "allocator")
_PROCESSOR = ("brand_raw", "family", "model", "stepping")
"""Under one brand a cloud has several generations."""


class InvalidTimings(SparsecheckError):
    """A file that cannot be compared with; the message says which, and what to do."""


def read(path: Path) -> tuple[Saved, ...]:
    """What `sparsecheck bench --json` wrote.

    Raises:
        InvalidTimings: it did not, or nothing is in it.
    """
    try:
        found = of_document(json.loads(path.read_bytes()))
    except OSError as error:
        raise InvalidTimings(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        why = f"{path} is not what `sparsecheck bench --json` writes ({type(error).__name__}: {error}); write it anew"
        raise InvalidTimings(why) from None
    if not found:
        raise InvalidTimings(f"{path} has no timings to compare with; write it anew by `sparsecheck bench --json`")
    return found


def of_document(document: Mapping[str, Any]) -> tuple[Saved, ...]:
    """The timings that a record carries.

    Raises:
        LookupError, TypeError, ValueError: it carries none, or others.
    """
    cpu = document["machine_info"]["cpu"]
    processor = " ".join(str(cpu[name]) for name in _PROCESSOR if name in cpu) or "unknown"
    return tuple(_saved(benchmark["extra_info"], processor) for benchmark in document["benchmarks"])


def _saved(extra: Mapping[str, Any], processor: str) -> Saved:
    place = {name: str(extra[name]) for name in _PLACE}
    return Saved(msgspec.convert(extra["timing"], Timing), {**place, "processor": processor}, float(extra["load"][0]))


def without_data(document: dict[str, Any]) -> dict[str, Any]:
    """The record less the single times, which are most of it, and which nothing reads."""
    kept = [
        {**one, "stats": {name: value for name, value in one["stats"].items() if name != "data"}}
        for one in document["benchmarks"]
    ]
    return {**document, "benchmarks": kept}

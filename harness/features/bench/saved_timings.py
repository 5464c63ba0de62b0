"""Read timings from a file of pytest-benchmark, in which each benchmark carries its timing in `extra_info`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ... import reading
from ...errors import SparsecheckError
from ...values.timing import Timing
from .compare import Saved

_PLACE = ("dtype", "torch", "python", "architecture", "threads", "allocator")
_PROCESSOR = ("brand_raw", "family", "model", "stepping")
"""The facts that identify a processor; cloud machines of one brand name have several generations."""


class InvalidTimings(SparsecheckError):
    """Raised if a file has no usable timings; the message names the file and says what to do."""


def read(path: Path) -> tuple[Saved, ...]:
    """Read a file that `sparsecheck bench --json` wrote.

    Raises:
        InvalidTimings: The file cannot be read, is another kind of file, or has no timings.
    """
    try:
        found = of_document(reading.parse_json(reading.read_bytes(path), dict[str, Any]))
    except (reading.Malformed, ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        why = f"{path} was not written by `sparsecheck bench --json` ({type(error).__name__}: {error}); write it again"
        raise InvalidTimings(why) from None
    except reading.CannotRead as error:
        raise InvalidTimings(f"{path} cannot be read ({error})") from None
    if not found:
        raise InvalidTimings(f"{path} has no timings to compare with; write it again with `sparsecheck bench --json`")
    return found


def of_document(document: Mapping[str, Any]) -> tuple[Saved, ...]:
    """Return the timings in a document of pytest-benchmark.

    Raises:
        LookupError, TypeError, ValueError: The document does not have the expected form.
    """
    cpu = document["machine_info"]["cpu"]
    processor = " ".join(str(cpu[name]) for name in _PROCESSOR if name in cpu) or "unknown"
    return tuple(_saved(benchmark["extra_info"], processor) for benchmark in document["benchmarks"])


def _saved(extra: Mapping[str, Any], processor: str) -> Saved:
    place = {name: str(extra[name]) for name in _PLACE}
    return Saved(reading.convert(extra["timing"], Timing), {**place, "processor": processor}, float(extra["load"][0]))


def without_data(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without its single times, which make up most of it and are not read."""
    kept = [
        {**one, "stats": {name: value for name, value in one["stats"].items() if name != "data"}}
        for one in document["benchmarks"]
    ]
    return {**document, "benchmarks": kept}

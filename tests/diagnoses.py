"""What a core requirement says of the first miniature that was made for it, word for word."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from sparsecheck.catalogue import CATALOGUE
from sparsecheck.report.signature import first_line
from sparsecheck.values.record import Record, Verdict
from tests.bench_of_one import judge_all
from tests.miniatures.all import MINIATURES, Miniature

PINS = Path(__file__).with_suffix(".json")


def rejection(miniature: Miniature) -> Record | None:
    """Return the first record in which the miniature's requirement rejects it with the intended kind."""
    for record in judge_all(miniature.adapter(), miniature.requirement):
        if record.verdict is Verdict.FAILED and record.signature.startswith(miniature.kind):
            return record
    return None


def diagnosed() -> list[Miniature]:
    """Return the first miniature of each core requirement.

    Those that leak state are left out, since they all get the same message.
    """
    first = {one.requirement: one for one in reversed(MINIATURES) if one.kind != "leaked"}
    return [first[id] for id in sorted(one.id for one in CATALOGUE if one.level == "core")]


def words(record: Record) -> str:
    """Return kind and first line of the message, with floats rounded to three digits and line numbers removed.

    The last digits differ from processor to processor.
    """
    rounded = re.sub(r"-?\d+\.\d+(e[-+]?\d+)?", lambda real: f"{float(real[0]):.3g}", first_line(record.signature))
    return re.sub(r"\.py:\d+", ".py:LINE", rounded)


def pinned() -> dict[str, str]:
    """By miniature: the words."""
    kept: dict[str, str] = json.loads(PINS.read_text("utf-8")) if PINS.exists() else {}
    return kept


def update(names: Iterable[str]) -> None:
    """Compute again the words about some miniatures, and about those that have none."""
    again, stored = set(names), pinned()
    said = {
        one.name: stored[one.name] if one.name in stored and one.name not in again else _said(one)
        for one in diagnosed()
    }
    PINS.write_text(json.dumps(said, indent=0, ensure_ascii=False) + "\n", "utf-8")


def _said(miniature: Miniature) -> str:
    record = rejection(miniature)
    assert record is not None, f"{miniature.name} is not rejected as {miniature.kind or 'anything'}"
    return words(record)

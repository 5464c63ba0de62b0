"""Decide whether an attack was held, and find the message that a maintainer sees."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

from tools.attack.attack import Attack
from tools.attack.box import CONTROLS, TRACEBACK, Ended

_RED = ("failed", "stale expectation", "error", "not run")
_ORIGIN = "Not an installed release"
"""The beginning of the line that an editable install causes, which says nothing about an attack."""



@dataclass(frozen=True)
class Evidence:
    """A message that accuses, and the cell that it accuses; the cell is empty if it is about the whole run."""

    message: str
    cell: str = ""


def problem(attack: Attack, ended: Ended, report: Path | None) -> str:
    """Return in what way an attack was not held, or an empty string.

    Args:
        attack: The attack.
        ended: The last call.
        report: For an adapter attack, where its report would be.
    """
    if TRACEBACK.search(ended.output):
        return f"a traceback: {ended.output.strip().splitlines()[-1]}"
    if found := CONTROLS.search(ended.output):
        return f"control character {found[0]!a} on the terminal"
    if ended.code not in attack.exit_codes:
        return f"exit code {ended.code}, expected {' or '.join(map(str, attack.exit_codes))}"
    if attack.never and (unwanted := _search(attack.never, ended.output)):
        return f"it says {unwanted[0]!r}"
    if attack.says and _accusation(attack, _evidence(ended, report)) is None:
        return f"no message matches {attack.says!r}"
    if attack.spares and (innocent := _innocent(attack.spares, report)):
        return f"blamed, too: {innocent}"
    return ""


def message(attack: Attack, ended: Ended, report: Path | None) -> str:
    """Return the message that matches `attack.says`, or else the first one that there is."""
    every = [one for one in _evidence(ended, report) if one.message.strip()]
    found = _accusation(attack, every) or next(iter(every), Evidence(""))
    return shortened(f"{found.cell}: {found.message}" if found.cell else found.message)


def _accusation(attack: Attack, every: Iterable[Evidence]) -> Evidence | None:
    """Return the evidence that names the cause."""
    suitable = (one for one in every if attack.blames in one.cell and _search(attack.says, one.message))
    return next(suitable, None) if attack.says else None


def shortened(text: str) -> str:
    """Return a text as one line of at most 300 printable characters."""
    return shorten(CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text), 300, placeholder=" ...")


def _search(pattern: str, text: str) -> re.Match[str] | None:
    return re.search(pattern, " ".join(text.split()), re.IGNORECASE)


def _evidence(ended: Ended, report: Path | None) -> Iterator[Evidence]:
    """Yield the red records, the problems and the reasons for an interruption; without a report, the output."""
    lines = read_lines(report)
    yield from _of_report(lines)
    if not lines or ended.code == 0:
        yield from (Evidence(line) for line in ended.output.splitlines() if not line.startswith(_ORIGIN))
        yield Evidence(ended.output)


def _of_report(lines: Iterable[dict[str, Any]]) -> Iterator[Evidence]:
    for line in lines:
        yield from (Evidence(one["problem"]) for one in line.get("subjects", ()) if one.get("problem"))
        if line.get("verdict") in _RED:
            yield Evidence(_told(line), line["cell"])
        if line.get("interrupted"):
            yield Evidence(line["interrupted"])


def _told(record: dict[str, Any]) -> str:
    """Return the signature and the message of a record; most signatures contain the message."""
    signature, told = record.get("signature", ""), record.get("message", "")
    return signature if told and told in signature else f"{signature}: {told}"


def _innocent(part: str, report: Path | None) -> str:
    """Return the first message on a cell that must not be red, or an empty string."""
    found = [one for one in _of_report(read_lines(report)) if one.cell and part in one.cell]
    return shortened(f"{found[0].cell}: {found[0].message}") if found else ""


def read_lines(report: Path | None) -> list[dict[str, Any]]:
    """Return the lines of a report as far as they are JSON objects; none if there is no report."""
    if report is None or not report.is_file():
        return []
    found = []
    for line in report.read_text("utf-8", "replace").splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        found += [value] if isinstance(value, dict) else []
    return found

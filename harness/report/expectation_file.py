"""Read expectation files: TOML with entries `[[defect]]`, or `[[known]]` in the older form."""

from __future__ import annotations

import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet

from .. import reading
from ..catalogue import CATALOGUE
from ..suggestions import quoted, suggestion
from .expectation import EVERY, Expectation, InvalidExpectations

UNEXPLAINED = "UNEXPLAINED"
"""The start of the reason of a proposed entry, until someone has replaced it by the actual reason."""

DEFECT = "defect"
KNOWN = "known"
"""The older form, with one requirement and one signature per entry and no id."""

LISTS = ("sparsifiers", "requirements", "cells", "layer", "pattern", "dtype", "device", "signatures")
WORDS = ("id", "torch", "version", "platform", "until", "reason", "link")
_OLD = {"requirement": "requirements", "signature": "signatures"}
_NEEDED = {
    DEFECT: ("id", "sparsifiers", "signatures", "reason"),
    KNOWN: ("sparsifiers", "requirement", "signature", "reason"),
}
_TYPES = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "a table"}
_PLACEHOLDER = re.compile(r"\A\W*(?i:todo|fixme|tbd|unexplained|x{3,})\b|\b(?:TODO|FIXME|UNEXPLAINED|XXX)\b")
_BLANK = "\u115f\u1160\u3164\uffa0"
"""Letters that are invisible."""
_WORD = re.compile(rf"[^\W\d_{_BLANK}]{{2,}}")
_EMPTY_WORDS = frozenset(("todo", "fixme", "tbd", "unexplained", "known", "unknown", "failure", "fails", "na"))
_END = re.compile(r"[.!?][\"'`)\]]*\Z")


def parse_expectations(text: str, where: str) -> tuple[Expectation, ...]:
    """Return all expectations in a TOML text; each must have a reason.

    Args:
        text: The content of the file.
        where: The name of the file in messages.

    Raises:
        InvalidExpectations: As for `parse_entries`, a signature is too broad, or a reason is missing or is no sentence.
            The message has a sentence for each such entry.
    """
    entries = parse_entries(text, where)
    problems = [
        f"{_place(number, entry.id)}: {problem}" for number, entry in enumerate(entries, 1)
        for problem in (*entry.problems[:1], _problem_of_reason(entry)) if problem
    ]
    if problems:
        hint = _REWRITE if any(entry.problems for entry in entries) else ""
        raise InvalidExpectations(f"{where}: {_listed(problems)}", hint)
    return entries


_REWRITE = (
    "`sparsecheck run --ignore-expectations --report REPORT` and `sparsecheck expect REPORT --write` rewrite the "
    "signatures."
)
_MANY = 20


def _listed(problems: Sequence[str]) -> str:
    rest = f"; and {len(problems) - _MANY} more" if len(problems) > _MANY else ""
    return "; ".join(problems[:_MANY]) + rest


def _problem_of_reason(entry: Expectation) -> str:
    """Return why a reason is not acceptable, or an empty string. The older form does not require a sentence."""
    reason = entry.reason.strip()
    if placeholder := _PLACEHOLDER.search(reason):
        return f"the reason is still {placeholder[0].strip()}; say in a sentence why it fails"
    if entry.id and (len(reason.split()) < 3 or not _END.search(reason)):
        hint = "say why it fails, in three words or more and with a full stop"
        return f"the reason {quoted(reason)} is not a sentence; {hint}"
    if len({word.casefold() for word in _WORD.findall(reason)} - _EMPTY_WORDS) < 2:
        return f"the reason {quoted(reason)} says nothing; say in words why it fails"
    return ""


def parse_entries(text: str, where: str) -> tuple[Expectation, ...]:
    """Return all entries in a TOML text, with or without a reason.

    Args:
        text: The content of the file.
        where: The name of the file in messages.

    Raises:
        InvalidExpectations: The text is not TOML; a key is unknown, missing or of the wrong type; a value is invalid;
            both forms of entries are mixed; or two entries have the same id or expect the same failures.
    """
    form, tables = entry_tables(_parsed(text, where), where)
    entries, problems = list[Expectation](), list[str]()
    for number, table in enumerate(tables, 1):
        try:
            entries.append(_entry(form, table, number))
        except InvalidExpectations as error:
            problems.append(str(error))
    if problems:
        raise InvalidExpectations(f"{where}: {_listed(problems)}")
    _check_different(entries, where)
    return tuple(entries)


def _parsed(text: str, where: str) -> dict[str, Any]:
    if text.startswith("\ufeff"):
        raise InvalidExpectations(f"{where} begins with a byte-order mark", "Save it as UTF-8 without one.")
    try:
        return reading.parse_toml(text)
    except reading.Malformed as error:
        raise InvalidExpectations(f"{where}: it is not TOML: {error}") from None


def entry_tables(document: Mapping[str, Any], where: str) -> tuple[str, list[Any]]:
    """Return the form of the entries in a TOML document, and the entries.

    Raises:
        InvalidExpectations: The document has another table, mixes both forms, or its entries are not tables.
    """
    if stray := sorted(set(document) - {DEFECT, KNOWN}):
        raise InvalidExpectations(f"{where}: unknown table {quoted(stray[0])}; entries are written [[{DEFECT}]]")
    if len(document) > 1:
        both = f"[[{KNOWN}]] and [[{DEFECT}]]"
        raise InvalidExpectations(f"{where}: {both} in one file; write all entries as [[{DEFECT}]]")
    form = next(iter(document), DEFECT)
    tables = document.get(form, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InvalidExpectations(f"{where}: entries are written [[{form}]], in double brackets")
    return form, tables


def _entry(form: str, table: dict[str, Any], number: int) -> Expectation:
    id = table.get("id", "")
    place = _place(number, id if isinstance(id, str) and form == DEFECT else "")
    for key, value in table.items():
        if problem := _problem_of_key(form, key, value):
            raise InvalidExpectations(f"{place}: {problem}")
    if lacking := [key for key in _NEEDED[form] if key not in table]:
        raise InvalidExpectations(f"{place}: {lacking[0]} is missing")
    plain = {_OLD.get(key, key): [value] if key in _OLD else value for key, value in table.items()}
    try:
        entry = reading.convert(plain, Expectation)
        if form == DEFECT and not entry.id:
            raise ValueError("id is empty; name the defect in lower-case words joined by hyphens")
        return entry
    except (reading.Malformed, ValueError) as error:
        raise InvalidExpectations(f"{place}: {error}") from None


def _place(number: int, id: str) -> str:
    """Return the place of an entry; its id belongs to it if it can be printed on a line."""
    is_short = id.isprintable() and len(id) <= 60
    return f"entry {number}" + (f" ({id})" if id and is_short else "")


def _problem_of_key(form: str, key: str, value: Any) -> str:
    """Return the problem of a key or of the type of its value, or an empty string."""
    old, new = tuple(_OLD), tuple(_OLD.values())
    allowed = {*LISTS, *WORDS, *old} - {*(new if form == KNOWN else old), *(("id", "cells") if form == KNOWN else ())}
    if key not in allowed:
        renamed = _OLD.get(key) if form == DEFECT else None
        hint = f"[[{DEFECT}]] has {renamed}, a list." if renamed else suggestion(key, sorted(allowed))
        return f"unknown key {quoted(key)}" + (f". {hint}" if hint else "")
    kind = _TYPES.get(type(value), "a date")
    if key in LISTS:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            return f"{key} is {kind}, expected a list of strings" if kind != "a list" else _odd(key, value)
        twice = [one for one, times in Counter(value).items() if times > 1]
        return f"{key} has {quoted(twice[0])} twice" if twice else ""
    hint = '; write a version of the package, such as ">=2.0"' if key == "until" else ""
    return "" if isinstance(value, str) else f"{key} is {kind}, expected a string{hint}"


def _odd(key: str, values: list[Any]) -> str:
    odd = next(one for one in values if not isinstance(one, str))
    return f"{key} contains {_TYPES.get(type(odd), 'a date')}, expected strings"


def _check_different(entries: Iterable[Expectation], where: str) -> None:
    numbered = list(enumerate(entries, 1))
    for (first, one), (second, other) in combinations(numbered, 2):
        if one.id and one.id == other.id:
            raise InvalidExpectations(f"{where}: entries {first} and {second} are both called {one.id!r}")
        if same := next(_common(one, other), ""):
            raise InvalidExpectations(
                f"{where}: entries {first} and {second} both expect {same} in the same cells; delete one of them"
            )


def _common(one: Expectation, other: Expectation) -> Iterator[str]:
    """Yield the signatures that both entries expect in the same cells of one sparsifier."""
    theirs = set(map(_plain, other.signatures))
    shared = [signature for signature in one.signatures if _plain(signature) in theirs]
    if not shared or _conditions(one) != _conditions(other) or not set(one.sparsifiers) & set(other.sparsifiers):
        return
    axes = [set(values) for values in one.axes] == [set(values) for values in other.axes]
    if (axes and _ids(one.requirements) & _ids(other.requirements)) or _cells(one) & _cells(other):
        yield from shared


def _plain(signature: str) -> str:
    """Return a signature without superfluous spaces, and without the noun of its bound."""
    return re.sub(r"\((at most \d+ of \d+) [a-z]+\)$", r"(\1)", " ".join(signature.split()))


def _conditions(entry: Expectation) -> tuple[object, ...]:
    """Return the conditions of an entry, the same however they are written."""
    torch, version, platform, until = entry.conditions
    return SpecifierSet(torch), SpecifierSet(version), platform, SpecifierSet(until)


def _cells(entry: Expectation) -> frozenset[str]:
    """Return the cells of an entry, without trailing parts that stand for all values."""
    axes = (values or (EVERY,) for values in entry.axes)
    written = entry.cells or ("/".join(parts) for parts in product(entry.requirements, *axes))
    return frozenset(re.sub(r"(/\*)+$", "", cell) for cell in written)


@cache
def _ids(requirements: tuple[str, ...]) -> frozenset[str]:
    """Return the ids of all requirements that are named individually or by area."""
    areas = {one.partition("-")[0] for one in requirements if one.endswith(EVERY)}
    of_areas = (one.id for one in CATALOGUE if EVERY in areas or one.area in areas)
    return frozenset((*requirements, *of_areas))


def read_expectations(path: Path, sparsifier: str) -> tuple[Expectation, ...]:
    """Read the expectations about a sparsifier; return none if the file does not exist.

    Raises:
        InvalidExpectations: The file is not a valid expectation file, or cannot be read.
    """
    text = read_text(path)
    return tuple(entry for entry in parse_expectations(text, str(path)) if sparsifier in entry.sparsifiers)


def read_text(path: Path) -> str:
    """Read the text of an expectation file; return an empty string if nothing has its name.

    Raises:
        InvalidExpectations: The file is not UTF-8, is too large, or cannot be read; or it is a link that leads nowhere,
            or no regular file.
    """
    if not _is_there(path):
        return ""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"
            raise InvalidExpectations(f"{path} cannot be read (it is {kind})", _REPLACE)
        return reading.read_text(path, _MOST)
    except reading.NotUtf8 as error:
        raise InvalidExpectations(f"{path} is not UTF-8 ({error})", "Save it as UTF-8.") from None
    except (reading.CannotRead, OSError) as error:
        raise InvalidExpectations(f"{path} cannot be read ({_reason(error)})", _REPLACE) from None


_MOST = 2**20
"""The largest size of an expectation file, in bytes."""

_REPLACE = "Put a readable file there, or nothing."


def _is_there(path: Path) -> bool:
    """Return whether anything has this name, be it a link that leads nowhere."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise InvalidExpectations(f"{path} cannot be read ({_reason(error)})", _REPLACE) from None
    return True


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)

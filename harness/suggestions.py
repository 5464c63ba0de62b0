"""Names that do not exist: quote them briefly and suggest the nearest that do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from .errors import SparsecheckError

_WIDTH, _MANY = 90, 12
"""Longest quotation, and the number of names up to which all of them are listed."""


class UnknownName(SparsecheckError, LookupError):
    """Raised if nothing has the name that was asked for."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        """Say that no `kind` is called `name`, and suggest from `known`; `hint` is for when nothing is near."""
        names = list(dict.fromkeys(known))
        super().__init__(f"no {kind} is called {quoted(name)}", suggestion(name, names) or hint or _listed(names))
        self.args = (kind, name, names, hint)


def quoted(text: str) -> str:
    """Return `text` in quotes, shortened in the middle, with everything unprintable escaped."""
    return repr(shortened(text, _WIDTH))


def shortened(text: str, width: int) -> str:
    """Return `text` with its middle left out if it is longer than `width` characters."""
    half = (width - 3) // 2
    return text if len(text) <= width else f"{text[: width - 3 - half]}...{text[len(text) - half:]}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest of the `known` names, or an empty string if none is near."""
    found = [f"{one!r}" for one in nearest(name, known)]
    return f"Did you mean {' or '.join(found)}?" if found else ""


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three of the `known` names that `name` may be a misspelling of, the likeliest first.

    Case, and zeros in front of a number, do not count: `mask-6` is MASK-06.
    """
    by_form: dict[str, str] = {}
    for one in known:
        by_form.setdefault(_form(one), one)
    form = _form(name[:200])
    if form in by_form:
        return [by_form[form]]
    return [by_form[one] for one in get_close_matches(form, by_form, n=3, cutoff=0.75)]


def _form(name: str) -> str:
    return "-".join(part.lstrip("0") if part.isdigit() else part for part in name.strip().lower().split("-"))


def _listed(names: list[str]) -> str:
    if not names:
        return ""
    rest = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return f"Known names: {', '.join(names[:_MANY])}{rest}."

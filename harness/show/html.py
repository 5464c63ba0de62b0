"""Pages of HTML that need nothing but themselves."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup


def rendered(name: str, styles: Sequence[str], filters: Mapping[str, Callable[..., Any]], **values: Any) -> str:
    """The template `name` of the folder `page`, its styles in it and allowed; whatever else is put in is escaped."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, loader=jinja2.FunctionLoader(part),
    )
    environment.filters.update(filters)
    style = "".join(map(part, styles))
    return environment.get_template(name).render(style=Markup(style), style_hash=fingerprint(style), **values)


def part(name: str) -> str:
    """The text of one file of the folder `page`."""
    return (files(__package__) / "page" / name).read_text("utf-8")


def fingerprint(text: str) -> str:
    """By which a page allows a style or a script of its own, and no other."""
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")

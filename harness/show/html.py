"""Render self-contained HTML pages from templates."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from .escaping import printable


def render_page(name: str, styles: Sequence[str], filters: Mapping[str, Callable[..., Any]], **values: Any) -> str:
    """Render a template with its style sheets inlined; every value is escaped and, if it is very long, cut.

    Args:
        name: The template, a file in the folder `page`.
        styles: The style sheets, files in the same folder. The page's content security policy allows only these.
        filters: Jinja filters by name.
        **values: The variables of the template.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, finalize=_finalize, loader=jinja2.FunctionLoader(read_asset),
    )
    environment.filters.update(filters)
    style = "".join(map(read_asset, styles))
    return environment.get_template(name).render(style=Markup(style), style_hash=csp_hash(style), **values)


def _finalize(value: Any) -> Any:
    """Return a value as a template shows it; a text that is not markup is without invisible characters."""
    return value if not isinstance(value, str) or hasattr(value, "__html__") else printable(value)


def read_asset(name: str) -> str:
    """Return the text of a file in the folder `page`."""
    return (files(__package__) / "page" / name).read_text("utf-8")


def csp_hash(text: str) -> str:
    """Return the hash by which a content security policy allows an inline style or script."""
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")

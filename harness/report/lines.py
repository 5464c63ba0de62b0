"""Lines of a report: encode and decode them, and describe them as a JSON Schema."""

from __future__ import annotations

from inspect import cleandoc
from typing import Any

import msgspec

from .. import reading
from ..values.record import Line

_LINE: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def decode(text: bytes) -> Line:
    """Decode one line of a report.

    Raises:
        Malformed: It is not JSON, or not a line of a report.
    """
    return reading.parse_with(_LINE, text)


def encode(line: Line) -> bytes:
    """Encode one line of a report, including its newline.

    Text that is not Unicode, as in the name of a file, is escaped.
    """
    try:
        return msgspec.json.encode(line) + b"\n"
    except UnicodeEncodeError:
        return msgspec.json.encode(_unicode(msgspec.to_builtins(line))) + b"\n"


def _unicode(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_unicode(key): _unicode(one) for key, one in value.items()}
    return [_unicode(one) for one in value] if isinstance(value, (list, tuple)) else value


def schema() -> dict[str, Any]:
    """Return the JSON Schema of one line, the same with every version of msgspec."""
    dedented: dict[str, Any] = _dedented(msgspec.json.schema(Line))
    return dedented


def _dedented(value: Any) -> Any:
    """Return a schema whose descriptions have no indentation of source code; msgspec removes it from 0.23 on."""
    if isinstance(value, dict):
        return {key: cleandoc(one) if key == "description" and isinstance(one, str) else _dedented(one)
                for key, one in value.items()}
    return [_dedented(one) for one in value] if isinstance(value, list) else value

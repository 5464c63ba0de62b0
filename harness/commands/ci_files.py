"""What a command writes beside its verdict, for the page of a CI run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click


def put(pages: Mapping[Path | None, str | bytes]) -> int:
    """Write each page to its file, where one is named; 2 if one could not be written, which is said, else 0."""
    code = 0
    for path, text in pages.items():
        if path is None:
            continue
        try:
            path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
        except OSError as error:
            why = f"{path} could not be written ({error.strerror}); its folder has to be there"
            click.echo(f"sparsecheck: {why}", err=True)
            code = 2
    return code

"""How a command that cannot do what it was asked for ends."""

from __future__ import annotations

import sys
from typing import NoReturn

import click


def fail(message: str, code: int = 2) -> NoReturn:
    """One clear sentence on standard error, and the exit code."""
    click.echo(f"sparsecheck: {message}", err=True)
    sys.exit(code)

"""The program: run the command line as `sparsecheck`, or as `python -m sparsecheck` if scripts are not on the PATH."""

from __future__ import annotations

from typing import NoReturn

from .interrupts import exit_with


def start() -> NoReturn:
    """Run the command line and exit. Signals are handled before it is imported, which takes most of the start."""
    exit_with(_command_line)


def _command_line() -> None:
    from .cli import main

    main.main(prog_name="sparsecheck")


if __name__ == "__main__":
    from .process.interpreter import forget_current_folder

    forget_current_folder()
    start()

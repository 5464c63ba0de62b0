"""Entry point of `python -m sparsecheck`, for environments where the command is not on the path."""

from .cli import main

main(prog_name="sparsecheck")

"""`python -m sparsecheck`, where the command is not on the path."""

from .cli import main

main(prog_name="sparsecheck")

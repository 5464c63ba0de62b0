"""`python -m sparsecheck`, where the command is not on the path."""

from .command.main import main

main(prog_name="sparsecheck")

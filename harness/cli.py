"""`sparsecheck`: the command line. Each command is imported when it is called."""

from __future__ import annotations

import click

from .commands.command_line import CommandLine

COMMANDS = {
    "list": "commands.list_sparsifiers:list_",
    "explain": "commands.explain:explain",
    "run": "commands.run:run",
    "report": "commands.report:report",
    "schema": "commands.report:schema",
    "merge": "commands.merge:merge",
    "init": "features.init.command:init",
    "expect": "features.expect.command:expect",
    "gate": "features.gate.command:gate",
    "page": "features.page.command:page",
    "versions": "features.versions.command:versions",
    "repro": "features.repro.command:repro",
    "explore": "features.explore.command:explore",
    "try": "features.try_out.command:try_",
    "bench": "features.bench.command:bench",
    "states": "features.states.command:states",
    "snapshot": "features.diff.snapshot_command:snapshot",
    "diff": "features.diff.diff_command:diff",
    "reference": "features.references.command:reference",
}
"""Every command: the module below this package and the name of its click command."""


@click.group(cls=CommandLine, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sparsecheck")
def main() -> None:
    """Judge PyTorch sparsifiers against one catalogue of requirements.

    \b
    sparsecheck list                      list the registered sparsifiers
    sparsecheck run NAME --report FILE    judge one sparsifier and keep the report
    sparsecheck explain MASK-01           show a requirement and its source
    sparsecheck init                      write an adapter for your own package
    """  # noqa: D301  # click reads the backspace character

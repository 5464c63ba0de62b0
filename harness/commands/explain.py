"""`sparsecheck explain`: show requirements of the catalogue."""

from __future__ import annotations

import click

from ..catalogue import AREAS, CATALOGUE, requirement
from ..suggestions import UnknownName
from ..values.requirement import Requirement
from .terminal import echo, echo_document


@click.command()
@click.argument("id", metavar="[REQUIREMENT | AREA]", required=False)
@click.option("--markdown", is_flag=True, help="Print the whole catalogue as Markdown.")
def explain(id: str | None, markdown: bool) -> None:
    """Show a requirement: its sentence, source and axes. Without an id, list all requirements, or those of an area."""
    if markdown:
        from ..show.catalogue_page import catalogue_page

        echo_document(catalogue_page())
        return
    if id is None or id.upper() in AREAS:
        for listed in CATALOGUE if id is None else AREAS[id.upper()]:
            echo(f"{listed.id:9} {listed.level:12} {listed.sentence}")
        return
    ids = [one.id for one in CATALOGUE]
    if id.upper() not in ids:
        raise UnknownName("requirement or area", id, [*AREAS, *ids], "`sparsecheck explain` lists them all.")
    echo_document(_describe(requirement(id.upper())) + "\n")


def _describe(requirement: Requirement) -> str:
    from ..show.catalogue_page import spans

    lines = [
        f"{requirement.id} ({requirement.level}, since catalogue {requirement.since})",
        f"  {requirement.sentence}", f"  source: {requirement.source}",
    ]
    axes = ("layers", "patterns", "dtypes", "devices")
    lines += [f"  {axis}: {', '.join(spans(getattr(requirement, axis)))}" for axis in axes]
    lines += [f"  refused: {', '.join(requirement.refuses)}"] if requirement.refuses else []
    lines += [f"  needs: {', '.join(requirement.needs)}"] if requirement.needs and not requirement.refuses else []
    lines += [f"  needs torch{requirement.torch}"] if requirement.torch else []
    lines += [f"  not applicable if the contract declares {clause} = {value}" for clause, value in requirement.unless]
    return "\n".join(lines)

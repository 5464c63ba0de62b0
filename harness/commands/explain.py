"""`sparsecheck explain`: show requirements of the catalogue."""

from __future__ import annotations

import click

from ..catalogue import AREAS, CATALOGUE, requirement
from ..suggestions import UnknownName
from ..values.requirement import Requirement


@click.command()
@click.argument("id", metavar="[REQUIREMENT | AREA]", required=False)
@click.option("--markdown", is_flag=True, help="Print the whole catalogue as Markdown.")
def explain(id: str | None, markdown: bool) -> None:
    """Show a requirement: its sentence, source and axes. Without an id, list all requirements, or those of an area."""
    if markdown:
        from ..show.catalogue_page import catalogue_page

        click.echo(catalogue_page(), nl=False)
        return
    if id is None or id.upper() in AREAS:
        for one in CATALOGUE if id is None else AREAS[id.upper()]:
            click.echo(f"{one.id:9} {one.level:12} {one.sentence}")
        return
    ids = [one.id for one in CATALOGUE]
    if id.upper() not in ids:
        raise UnknownName("requirement or area", id, [*AREAS, *ids], "`sparsecheck explain` lists them all.")
    click.echo(_describe(requirement(id.upper())))


def _describe(one: Requirement) -> str:
    axes = (("layers", one.layers), ("patterns", one.patterns), ("dtypes", one.dtypes), ("devices", one.devices))
    lines = [f"{one.id} ({one.level}, since catalogue {one.since})", f"  {one.sentence}", f"  source: {one.source}"]
    lines += [f"  {name}: {', '.join(values)}" for name, values in axes]
    lines += [f"  refused: {', '.join(one.refuses)}"] if one.refuses else []
    lines += [f"  needs: {', '.join(one.needs)}"] if one.needs and not one.refuses else []
    lines += [f"  needs torch{one.torch}"] if one.torch else []
    lines += [f"  not applicable if the contract declares {clause} = {value}" for clause, value in one.unless]
    return "\n".join(lines)

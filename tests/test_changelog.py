"""CHANGELOG.md says what each version of the catalogue added and revised."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sparsecheck.catalogue import CATALOGUE, RETIRED, VERSION
from sparsecheck.values.capability import CAPABILITIES, SINCE

TEXT = (Path(__file__).parent.parent / "CHANGELOG.md").read_text("utf-8")
_SECTION = re.compile(r"^## Catalogue (\d+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
SECTIONS = {int(found[1]): found[2] for found in _SECTION.finditer(TEXT)}
SINCE_THE_FIRST = range(2, VERSION + 1)


def named(section: str, verb: str) -> set[str]:
    """Return the ids in the items of a section that begin with `verb`; `A-01 to A-03` stands for all three."""
    items = "\n".join(item for item in re.split(r"^- ", section, flags=re.M) if item.startswith(verb))
    ids = set(re.findall(r"[A-Z]+-\d+", items))
    for area, first, last in re.findall(r"([A-Z]+)-(\d+) to [A-Z]+-(\d+)", items):
        ids |= {f"{area}-{number:02}" for number in range(int(first), int(last) + 1)}
    return ids


def test_every_catalogue_has_a_section() -> None:
    assert sorted(SECTIONS) == list(range(1, VERSION + 1))


@pytest.mark.parametrize("version", SINCE_THE_FIRST)
def test_the_requirements_that_a_catalogue_added_are_listed(version: int) -> None:
    assert named(SECTIONS[version], "Added") == {one.id for one in CATALOGUE if one.since == version}


@pytest.mark.parametrize("version", SINCE_THE_FIRST)
def test_the_requirements_that_a_catalogue_revised_are_listed(version: int) -> None:
    revised = {one.id for one in CATALOGUE if version in one.revised or version in dict(one.added).values()}
    assert named(SECTIONS[version], "Revised") | named(SECTIONS[version], "Extended") == revised


@pytest.mark.parametrize("version", SINCE_THE_FIRST)
def test_the_capabilities_that_a_catalogue_added_are_listed(version: int) -> None:
    listed = {name for name in re.findall(r"`(\w+)`", SECTIONS[version]) if name in CAPABILITIES}
    assert {name for name, since in SINCE.items() if since == version} <= listed


def test_retired_requirements_are_listed() -> None:
    assert set().union(*(named(section, "Retired") for section in SECTIONS.values())) == set(RETIRED)


def test_no_requirement_is_newer_than_the_catalogue() -> None:
    assert max(one.introduced() for one in CATALOGUE) == VERSION
    assert all(1 <= since <= VERSION for since in SINCE.values())


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("- Added MASK-01 to MASK-03 and REG-09: words.\n", {"MASK-01", "MASK-02", "MASK-03", "REG-09"}),
        ("- Revised MASK-01: words.\n", set()),
    ],
)
def test_ranges_of_ids_are_read(text: str, ids: set[str]) -> None:
    assert named(text, "Added") == ids

"""The generated files in docs/ are up to date, and all links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from sparsecheck.catalogue import CATALOGUE
from sparsecheck.cli import main
from sparsecheck.show.catalogue_page import catalogue_page
from sparsecheck.values.capability import CAPABILITIES, PARTS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "docs" / "ci" / "README.md"]


@pytest.mark.parametrize(
    ("file", "command"),
    [("catalogue.md", ["explain", "--markdown"]), ("report.schema.json", ["schema"])],
)
def test_generated_files_are_up_to_date(file: str, command: list[str]) -> None:
    printed = CliRunner().invoke(main, command).output
    assert (ROOT / "docs" / file).read_text("utf-8") == printed, f"sparsecheck {' '.join(command)} > docs/{file}"


def test_the_catalogue_page_has_every_requirement_once() -> None:
    page = catalogue_page()
    assert re.findall(r"^\*\*(\S+)\*\* \(", page, re.MULTILINE) == [requirement.id for requirement in CATALOGUE]


def test_the_adapter_guide_lists_every_capability_with_its_meaning() -> None:
    page = (ROOT / "docs" / "adapters.md").read_text("utf-8")
    table = re.search(r"\| capability \| the sparsifier \|\n\|---\|---\|\n((?:\|.*\n)+)", page)
    assert table is not None
    assert re.findall(r"^\| `(\w+)` \| (.*) \|$", table[1], re.MULTILINE) == list(CAPABILITIES.items())


def test_the_adapter_guide_lists_every_pattern_that_can_be_partial_with_its_parts() -> None:
    page = (ROOT / "docs" / "adapters.md").read_text("utf-8")
    _, _, table = page.partition("| pattern | parts, separated by spaces |\n|---|---|\n")
    rows = [[re.findall(r"`(\w+)`", column) for column in line.split("|")[1:3]] for line in table.splitlines()[:2]]
    assert {name: tuple(parts) for names, parts in rows for name in names} == PARTS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name}: {target}"

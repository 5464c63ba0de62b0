"""A report states the origin of the judged code, and a run prints it first if it is not an installed release."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from sparsecheck.adapter import module_search
from sparsecheck.adapter.discovery import BrokenAdapter, find, load
from sparsecheck.adapter.module_search import file_of
from sparsecheck.adapter.origin import JudgedCode
from sparsecheck.cli import main
from sparsecheck.features.page.html import render_html
from sparsecheck.features.page.markdown import render_markdown
from sparsecheck.report.report import read, write
from sparsecheck.show.junit import junit
from sparsecheck.show.origin import code_of, origin_lines
from sparsecheck.show.results import tabulate
from sparsecheck.show.summary import summary
from sparsecheck.values.origin import Fingerprint, Origin
from tests.faulty import ONE_CASE, run, written
from tests.samples import cell, passed, report

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs acme-pruning 1.0 in a folder of its own: files by path, and metadata by name."""

    def installed(files: Mapping[str, str], metadata: Mapping[str, str] = {}, folder: str = "site") -> Path:
        place = tmp_path / folder
        kind = place / ("acme_pruning.egg-info" if "SOURCES.txt" in metadata else "acme_pruning-1.0.dist-info")
        head = "Metadata-Version: 2.1\nName: acme-pruning\nVersion: 1.0\n"
        named = {"PKG-INFO" if "SOURCES.txt" in metadata else "METADATA": head, **metadata}
        for path, text in {**files, **{f"{kind.name}/{name}": text for name, text in named.items()}}.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text, "utf-8")
        monkeypatch.syspath_prepend(place)
        return place

    return installed


def origin_of(distribution: str) -> Origin:
    """Return the origin of a distribution, for an adapter that imports every module of these tests."""
    with TemporaryDirectory() as folder:
        source = Path(folder, "acme_adapter.py")
        source.write_text("import acme.pruning, acme.tools.pruning, acme_pruning, Acme_Pruning, zeta_extras")
        return JudgedCode(distribution, "acme_adapter", source).origin


def record(*paths: str) -> dict[str, str]:
    return {"RECORD": "".join(f"{path},sha256=x,1\n" for path in paths)}


@pytest.mark.parametrize(
    "path", ["acme_pruning/__init__.py", "acme_pruning.py", "acme/pruning/__init__.py", "Acme_Pruning/__init__.py"]
)
def test_the_file_of_an_installed_release_is_found(install: Install, path: str) -> None:
    metadata = record("acme_pruning-1.0.dist-info/METADATA", path, "zeta_extras/__init__.py")
    place = install({path: "", "zeta_extras/__init__.py": ""}, metadata)
    expected = place / path if "acme/" not in path else place / "zeta_extras/__init__.py"
    assert origin_of("acme-pruning") == Origin("acme-pruning", "1.0", str(expected))


def test_a_namespace_package_is_found_by_its_outermost_module(install: Install) -> None:
    place = install({"acme/pruning/__init__.py": ""}, record("acme/pruning/__init__.py", "acme/pruning/masks.py"))
    assert origin_of("Acme.Pruning").file == str(place / "acme/pruning/__init__.py")


@pytest.mark.parametrize("module", ["acme.pruning", "acme.tools.pruning"])
def test_a_parent_package_is_not_imported(install: Install, module: str) -> None:
    path = module.replace(".", "/")
    place = install({"acme/__init__.py": "raise SystemExit('imported')", f"{path}.py": ""}, record(f"{path}.py"))
    assert origin_of("acme-pruning").file == str(place / f"{path}.py")
    assert not [name for name in sys.modules if name.partition(".")[0] == "acme"]


@pytest.mark.parametrize("module", ["acme.pruning", "acme.tools.pruning"])
@pytest.mark.parametrize("imported", [("acme",), ("acme", "acme.tools"), ("acme", "acme.tools", "acme.pruning")])
def test_modules_that_are_imported_do_not_decide(
    install: Install, monkeypatch: pytest.MonkeyPatch, module: str, imported: tuple[str, ...]
) -> None:
    place = install({f"{module.replace('.', '/')}.py": ""}, record(f"{module.replace('.', '/')}.py"))
    for name in imported:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    assert origin_of("acme-pruning").file == str(place / f"{module.replace('.', '/')}.py")


def test_parts_of_a_namespace_package_are_found_in_all_folders(install: Install) -> None:
    install({"acme/other/more.py": ""}, folder="other")
    place = install({"acme/tools/pruning.py": ""}, record("acme/tools/pruning.py"))
    install({"acme/tools/others.py": ""}, folder="first")
    assert file_of("acme.tools.pruning") == str(place / "acme/tools/pruning.py")
    assert file_of("acme.tools") == file_of("acme.none") == file_of("acme.tools.pruning.none") == ""


class Finder:
    """A finder such as those of editable installs: it maps names to files, and asks about imported parents."""

    def __init__(self, names: Mapping[str, Path]) -> None:
        self.names = names

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name in self.names:
            return spec_from_file_location(name, self.names[name])
        assert sys.modules[name.rpartition(".")[0]].__spec__
        return None


def test_finders_of_editable_installs_are_asked(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install({}, {**record("__editable__.acme_zeta-1.0.pth"), "top_level.txt": "acme\n"})
    source = tmp_path / "src" / "acme" / "__init__.py"
    source.parent.mkdir(parents=True)
    source.write_text("raise SystemExit('imported')")
    (source.parent / "masks.py").touch()
    monkeypatch.setattr(sys, "meta_path", [Finder({"acme": source}), *sys.meta_path])
    assert origin_of("acme-pruning").file == str(source)
    assert file_of("acme.masks") == str(source.parent / "masks.py")
    assert Path(file_of("sparsecheck.adapter.module_search")).samefile(module_search.__file__)


def test_a_checkout_in_front_of_the_release_deviates(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install({"acme_pruning/__init__.py": ""}, record("acme_pruning/__init__.py"))
    (tmp_path / "checkout" / "acme_pruning").mkdir(parents=True)
    (tmp_path / "checkout" / "acme_pruning" / "__init__.py").write_text("", "utf-8")
    monkeypatch.syspath_prepend(tmp_path / "checkout")
    found = origin_of("acme-pruning")
    assert (found.version, found.deviation) == ("1.0", "checkout")
    assert found.file == str(tmp_path / "checkout" / "acme_pruning" / "__init__.py")


def test_metadata_in_a_checkout_deviates(install: Install) -> None:
    place = install({"acme_pruning.py": ""}, {"SOURCES.txt": "acme_pruning.py\n", "top_level.txt": "acme_pruning\n"})
    assert origin_of("acme-pruning") == Origin("acme-pruning", "1.0", str(place / "acme_pruning.py"), "checkout")


def test_an_editable_install_deviates(install: Install) -> None:
    url = {"url": "file:///src/acme", "dir_info": {"editable": True}}
    metadata = {"direct_url.json": json.dumps(url), **record("__editable__.acme_pruning-1.0.pth")}
    place = install({"acme_pruning.py": ""}, metadata)
    assert origin_of("acme-pruning") == Origin(
        "acme-pruning", "1.0", str(place / "acme_pruning.py"), "editable install"
    )


@pytest.mark.parametrize("text", ["{", "[]", '{"dir_info": []}', '{"dir_info": {"editable": "no"}}'])
def test_odd_metadata_is_no_editable_install(install: Install, text: str) -> None:
    install({"acme_pruning.py": ""}, {"direct_url.json": text, **record("acme_pruning.py")})
    assert origin_of("acme-pruning").deviation == ""


def test_finding_the_file_imports_nothing(install: Install) -> None:
    install({"acme_pruning.py": "raise SystemExit('imported')"}, record("acme_pruning.py"))
    assert origin_of("acme-pruning").file
    assert "acme_pruning" not in sys.modules


EXEMPLAR = """
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

class It(ExemplarAdapter):
    distribution = {distribution!r}
"""


@pytest.mark.parametrize("name", ["acme-pruning", "acme pruning/../..", "acme\x1b[2J"])
def test_a_distribution_that_is_not_installed_is_an_error(tmp_path: Path, name: str) -> None:
    said = r"faulty\.py:4 \(class It\) states the distribution 'acme.*', which is not installed"
    with pytest.raises(BrokenAdapter, match=said) as error:
        load(find("faulty", [written(tmp_path, EXEMPLAR.format(distribution=name))]))
    assert "pip install -e ." in error.value.hint


def test_a_misspelt_distribution_is_not_judged_and_the_right_one_suggested(tmp_path: Path) -> None:
    ended = run(tmp_path, "--adapter", str(written(tmp_path, EXEMPLAR.format(distribution="sparsechek"))), *ONE_CASE)
    assert ended.code == 2
    assert "'sparsechek', which is not installed. Did you mean 'sparsecheck'?" in ended.output


def test_an_adapter_cannot_state_another_version_than_the_installed_one(tmp_path: Path) -> None:
    text = EXEMPLAR.format(distribution="sparsecheck") + "    version = '99'\n"
    with pytest.raises(BrokenAdapter, match=r"states version '99' of sparsecheck, and .* is installed; do not define"):
        load(find("faulty", [written(tmp_path, text)]))


def test_an_adapter_file_without_a_distribution_says_so_in_its_first_line(tmp_path: Path) -> None:
    file = written(tmp_path, EXEMPLAR.format(distribution=""))
    ended = run(tmp_path, "--adapter", str(file), *ONE_CASE)
    first = f"Not an installed release: faulty, judged from {file} (no distribution, adapter file)"
    assert ended.output.splitlines()[0] == first, ended.output
    assert ended.report is not None
    [subject] = ended.report.header.subjects
    assert subject.origin == Origin("", file=str(file), deviation="adapter file")
    assert subject.declaration is not None
    assert (subject.declaration.package, subject.declaration.version) == ("no distribution", "")
    assert "(mask profile, no distribution, torch" in ended.output


def test_a_report_shows_it_first_and_what_is_installed_is_not_mentioned(tmp_path: Path) -> None:
    whole = report(passed(cell()))
    [subject] = whole.header.subjects
    for deviation, count in (("", 0), ("checkout", 1)):
        origin = Origin("acme", "1.5", "/src/acme\x1b.py", deviation)
        subjects = (replace(subject, origin=origin),)
        one = type(whole)(replace(whole.header, subjects=subjects), whole.records, whole.footer)
        assert len(list(origin_lines(one))) == count
        write(one, tmp_path / "report.jsonl")
        assert read(tmp_path / "report.jsonl") == one
        shown = CliRunner().invoke(main, ["report", str(tmp_path / "report.jsonl")])
        assert shown.output.startswith("Not an installed release: it, judged from /src/acme\\x1b.py") == bool(count)


def test_two_reports_of_one_version_can_be_told_apart_everywhere() -> None:
    whole = report(passed(cell()))
    [subject] = whole.header.subjects
    seen = Origin("acme", "1.5", "/src/acme.py"), Fingerprint("a" * 64, "b" * 64, "c" * 64)
    for origin, fingerprint, shown in (
        (*seen, "acme 1.5 (installed release), fingerprint aaaaaaaa+bbbbbbbb"),
        (Origin("", deviation="adapter file"), Fingerprint("", "b" * 64),
         "no distribution (adapter file), fingerprint bbbbbbbb"),
        (None, None, ""),
    ):
        subjects = (replace(subject, origin=origin, fingerprint=fingerprint),)
        one = type(whole)(replace(whole.header, subjects=subjects), whole.records, whole.footer)
        assert code_of(subjects[0]) == shown
        assert dict(tabulate([one]).columns[0].facts)["code"] == shown
        table = tabulate([one])
        pages = "\n".join(summary(one)), junit(one).decode(), render_markdown(table), render_html(table)
        assert {(shown or "fingerprint") in page for page in pages} == {bool(shown)}

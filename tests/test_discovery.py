"""Sparsifiers are found by name, from metadata alone; one that does not load costs its own row."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sparsecheck.adapter.discovery import (
    BrokenAdapter,
    NotFound,
    Registration,
    find,
    load,
    registrations,
    split_class,
)
from sparsecheck.cli import main
from sparsecheck.commands.names import not_installed_lines, select_sparsifiers
from sparsecheck.report.report import write
from tests.faulty import run
from tests.installed import install, sparsecheck_without
from tests.samples import cell, passed, report

GOOD = "from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n\nclass Good(ExemplarAdapter):\n    pass\n"
WITHOUT_TORCH = {"torch", "numpy"}


def of(distribution: str) -> list[Registration]:
    return [one for one in registrations() if one.distribution == distribution]


def test_a_registration_is_read_from_metadata_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, {"acme-magnitude": "acme_never:Adapter"}, {"acme_never": "raise SystemExit(7)\n"})
    assert of("acme") == [Registration("acme-magnitude", "acme_never:Adapter", "acme")]
    assert "acme_never" not in sys.modules


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["list", "--adapter", "adapter.py"], ["explain"], ["explain", "MASK"], ["explain", "MASK-01"],
     ["schema"], ["report", "report.jsonl"], ["--help"], ["--version"], ["run", "exemplar", "--requirement", "REG-05"]],
    ids=" ".join,
)
def test_commands_without_torch_do_not_import_it(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "adapter.py").write_text("import torch\n", "utf-8")
    write(report(passed(cell())), tmp_path / "report.jsonl")
    ended = sparsecheck_without(WITHOUT_TORCH, *arguments, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout


def test_the_check_for_torch_imports_can_fail() -> None:
    ended = sparsecheck_without(WITHOUT_TORCH, "list", "--check")
    assert ended.returncode != 0
    assert "is not to be imported here" in ended.stdout + ended.stderr


def test_list_shows_name_distribution_and_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, {"acme-magnitude": "acme_good:Good"}, {"acme_good": GOOD})
    listed = CliRunner().invoke(main, ["list"]).output.splitlines()
    assert ["acme-magnitude", "acme", "acme_good:Good"] in [line.split() for line in listed]
    assert any(line.split()[:2] == ["exemplar", "sparsecheck"] for line in listed)


def test_list_check_loads_every_adapter_and_names_broken_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = {"acme-good": "acme_good:Good", "acme-bad": "acme_gone:Bad"}
    install(tmp_path, monkeypatch, points, {"acme_good": GOOD})
    result = CliRunner().invoke(main, ["list", "--check"])
    rows = {line.split()[0]: line for line in result.output.splitlines()}
    assert result.exit_code == 2
    assert rows["acme-good"].endswith(" ok")
    assert rows["exemplar"].endswith(" ok")
    assert "BROKEN: acme_gone:Bad does not import: ModuleNotFoundError" in rows["acme-bad"]


def test_every_shipped_adapter_loads() -> None:
    assert CliRunner().invoke(main, ["list", "--check"]).exit_code == 0


@pytest.mark.parametrize("name", ["acme/magnitude", "acme magnitude", "-acme", ".acme", "acmé", "a:b", "a" * 65])
def test_names_that_cannot_be_file_names_are_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    install(tmp_path, monkeypatch, {name: "acme_good:Good"}, {"acme_good": GOOD})
    one = of("acme")[0]
    assert one.problem == f"{name[:64]!r} is no name: letters, digits, '.', '_' and '-', at most 64"
    with pytest.raises(BrokenAdapter, match="is no name"):
        load(one)


@pytest.mark.parametrize("name", ["a", "0", "acme.magnitude_2-b", "A" * 64])
def test_names_that_can_be_file_names_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    install(tmp_path, monkeypatch, {name: "acme_good:Good"}, {"acme_good": GOOD})
    assert load(find(name)).name == name


def test_two_registrations_of_one_name_are_both_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "a", monkeypatch, {"magnitude": "acme_a:Good"}, {"acme_a": GOOD})
    install(tmp_path / "b", monkeypatch, {"magnitude": "bolt_b:Good"}, {"bolt_b": GOOD}, "bolt")
    both = [*of("acme"), *of("bolt")]
    assert [one.problem for one in both] == [
        "two sparsifiers share the name: acme_a:Good, bolt_b:Good; rename one"
    ] * 2
    for one in both:
        with pytest.raises(BrokenAdapter, match="rename one"):
            load(one)


def test_an_adapter_file_cannot_take_a_registered_name(tmp_path: Path) -> None:
    file = tmp_path / "exemplar.py"
    taken = [one for one in registrations([file]) if one.name == "exemplar"]
    assert [one.file for one in taken] == [file, None]
    assert all("two sparsifiers share the name" in one.problem for one in taken)


@pytest.mark.parametrize(
    ("file", "name"), [("acme_adapter.py", "acme-adapter"), ("my adapter!.py", "my-adapter"), ("_.py", "adapter")]
)
def test_an_adapter_file_is_named_after_its_stem(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / file).write_text(GOOD, "utf-8")
    assert load(find(name, [tmp_path / file])).source == tmp_path / file


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(NotFound, match=r"no sparsifier is called 'nothing'. Known names: exemplar, .*torch-"):
        find("nothing")


FACTORIES = GOOD + """
def make():
    return Good()

def wants(model):
    return Good()

def fails():
    raise SystemExit(0)

def other():
    return object()

instance = Good()
number = 3
"""


@pytest.mark.parametrize("value", ["Good", "make", "instance"])
def test_the_value_is_a_class_a_factory_or_an_adapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    install(tmp_path, monkeypatch, {"acme-it": f"acme_factories:{value}"}, {"acme_factories": FACTORIES})
    found = load(find("acme-it"))
    assert type(found.adapter).__name__ == "Good"
    assert found.declaration.sparsifier == "acme-it"
    assert found.expectations == tmp_path / "acme_factories.expectations.toml"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("acme_factories:wants", "cannot be made: TypeError: wants() missing 1 required positional argument"),
        ("acme_factories:fails", "cannot be made: SystemExit: 0"),
        ("acme_factories:other", "is object, not a sparsecheck.Adapter: derive it from that class"),
        ("acme_factories:number", "is int, not a sparsecheck.Adapter"),
        ("acme_factories:nothing", "does not import: AttributeError"),
        ("acme_factories", "is module, not a sparsecheck.Adapter"),
        ("acme_gone:Good", "does not import: ModuleNotFoundError: No module named 'acme_gone'"),
        ("acme_quits:Good", "does not import: SystemExit: 0"),
        ("acme factories:Good", "does not import: "),
    ],
)
def test_an_invalid_value_is_broken_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    modules = {"acme_factories": FACTORIES, "acme_quits": "raise SystemExit(0)\n"}
    install(tmp_path, monkeypatch, {"acme-it": value}, modules)
    with pytest.raises(BrokenAdapter) as raised:
        load(find("acme-it"))
    assert str(raised.value).startswith(value)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("pass", "supported = ExemplarAdapter.supported.replace('conv1d ', '')"),
         ":3 (class Good) leaves undeclared: conv1d; add each to `supported` or to `unsupported`"),
        (GOOD.replace("pass", "supported = 'conv9d'"), "does not declare itself: InvalidCapabilities: unknown: conv9d"),
        (GOOD.replace("pass", "contract = None"), ":3 (class Good) does not declare itself: ValidationError: "),
        (GOOD.replace("pass", "distribution = property(lambda self: 1 / 0)"),
         ":3 (class Good) does not declare itself: ZeroDivisionError: "),
        (GOOD + "\nclass Second(ExemplarAdapter):\n    pass\n",
         "defines 2 adapters: Good, Second. Name one with --adapter "),
        ("", "defines no adapter. Derive a class from sparsecheck.Adapter in it."),
        ("import sparsecheck\nclass A(sparsecheck.Adapter): pass\n",
         "defines no complete adapter. Class A does not implement: attach."),
        ("import acme_no_such_module\n", "does not import: ModuleNotFoundError"),
    ],
)
def test_a_broken_adapter_file_names_the_line_to_fix(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "acme.py"
    file.write_text(text, "utf-8")
    with pytest.raises(BrokenAdapter) as raised:
        load(find("acme", [file]))
    assert str(raised.value).startswith(str(file))
    assert said in str(raised.value)


TWO = GOOD + "\nclass Second(ExemplarAdapter):\n    pass\nclass Part(__import__('sparsecheck').Adapter):\n    pass\n"


@pytest.mark.parametrize("cls", ["Good", "Second"])
def test_one_of_several_adapters_in_a_file_can_be_named(tmp_path: Path, cls: str) -> None:
    file = tmp_path / "acme.py"
    file.write_text(TWO, "utf-8")
    found = load(find(f"acme.{cls}", [tmp_path / f"acme.py:{one}" for one in ("Good", "Second")]))
    assert (found.name, type(found.adapter).__name__, found.source) == (f"acme.{cls}", cls, file)
    assert found.expectations == tmp_path / "acme.expectations.toml"


@pytest.mark.parametrize(
    ("cls", "said"),
    [("Secnd", "defines no adapter 'Secnd'. Did you mean 'Second'?"),
     ("Nothing", "defines no adapter 'Nothing'. It defines: Good, Second, Part."),
     ("Part", "defines no complete adapter. Class Part does not implement: attach.")],
)
def test_a_class_that_cannot_be_judged_is_answered_with_what_can(tmp_path: Path, cls: str, said: str) -> None:
    file = tmp_path / "acme.py"
    file.write_text(TWO, "utf-8")
    with pytest.raises(BrokenAdapter) as raised:
        load(find(f"acme.{cls}", [tmp_path / f"acme.py:{cls}"]))
    assert str(raised.value) == f"{file} {said}"


def test_a_colon_in_a_files_own_name_names_no_class(tmp_path: Path) -> None:
    file = tmp_path / "acme:Good"
    file.write_text(GOOD, "utf-8")
    assert split_class(file) == (file, "")
    assert split_class(tmp_path / "acme.py:Good") == (tmp_path / "acme.py", "Good")


def test_a_missing_adapter_file_is_broken(tmp_path: Path) -> None:
    with pytest.raises(BrokenAdapter, match="no such file"):
        load(find("gone", [tmp_path / "gone.py"]))


EXTRAS = {"gone": "acme-of-nowhere>=2", "here": "numpy"}
POINTS = {
    "acme-gone": "acme_good:Good [gone]",
    "acme-here": "acme_good:Good [here]",
    "acme-both": "acme_good:Good[here,gone]",
}


def _acme_with_extras(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Registration]:
    install(folder, monkeypatch, POINTS, {"acme_good": GOOD}, extras=EXTRAS)
    return {one.name: one for one in of("acme")}


def test_a_missing_dependency_of_an_extra_is_detected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _acme_with_extras(tmp_path, monkeypatch)
    assert found["acme-here"] == Registration("acme-here", "acme_good:Good", "acme")
    assert found["acme-gone"].lacking == "not installed: acme-of-nowhere; pip install 'acme[gone]'"
    assert found["acme-both"].lacking == "not installed: acme-of-nowhere; pip install 'acme[here,gone]'"
    assert load(found["acme-here"]).name == "acme-here"
    with pytest.raises(BrokenAdapter, match="not installed: acme-of-nowhere"):
        load(found["acme-gone"])


def test_a_sparsifier_without_its_package_is_not_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _acme_with_extras(tmp_path, monkeypatch)
    listed = CliRunner().invoke(main, ["list", "--check"])
    assert listed.exit_code == 0
    [row] = [line for line in listed.output.splitlines() if line.startswith("acme-gone")]
    assert row.endswith("not installed: acme-of-nowhere; pip install 'acme[gone]'")


def test_a_sparsifier_without_its_package_is_judged_if_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _acme_with_extras(tmp_path, monkeypatch)
    assert "acme-gone" not in select_sparsifiers((), (), (), ())
    assert {"acme-here", "exemplar"} <= set(select_sparsifiers((), (), (), ()))
    assert [line for line in not_installed_lines() if "acme-gone" in line] == [
        "acme-gone: NOT JUDGED: not installed: acme-of-nowhere; pip install 'acme[gone]'"
    ]
    named = CliRunner().invoke(main, ["run", "acme-gone"])
    assert named.exit_code == 2
    assert "acme-gone: NOT JUDGED: not installed: acme-of-nowhere; pip install 'acme[gone]'" in named.output


def test_an_adapter_file_can_import_modules_next_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "acme_beside.py").write_text("", "utf-8")
    (tmp_path / "acme.py").write_text("import acme_beside\n" + GOOD, "utf-8")
    assert load(find("acme", [tmp_path / "acme.py"])).source == tmp_path / "acme.py"


def test_modules_next_to_an_adapter_file_do_not_hide_installed_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed, beside = tmp_path / "installed", tmp_path / "beside"
    beside.mkdir()
    install(installed, monkeypatch, {}, {"acme_twice": ""})
    (beside / "acme_twice.py").write_text("raise SystemExit(7)\n", "utf-8")
    (beside / "acme.py").write_text("import acme_twice\n" + GOOD, "utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path])
    load(find("acme", [beside / "acme.py"]))
    assert sys.modules["acme_twice"].__file__ == str(installed / "acme_twice.py")


def test_several_adapters_of_one_file_are_judged_by_name(tmp_path: Path) -> None:
    """Each in its own process, a fresh interpreter included."""
    file = tmp_path / "acme.py"
    file.write_text(TWO, "utf-8")
    adapters = [part for cls in ("Good", "Second") for part in ("--adapter", f"{file.name}:{cls}")]
    ended = run(tmp_path, *adapters, "--requirement", "STATE-02")
    assert ended.code == 0, ended.output
    assert ended.report is not None
    assert [one.sparsifier for one in ended.report.header.subjects] == ["acme.Good", "acme.Second"]
    assert [one.adapter for one in ended.report.header.subjects] == [f"{file}:Good", f"{file}:Second"]
    missing = run(tmp_path, "--adapter", "gone.py:Good")
    assert missing.code == 2
    assert "'gone.py' does not exist" in missing.output

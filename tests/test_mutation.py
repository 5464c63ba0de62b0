"""Mutation testing: the mutants, their names, and the complaints about a run of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tools.mutation.__main__ import MODULES, TESTS
from tools.mutation.mutants import mutants
from tools.mutation.page import Explanations, complaints, page
from tools.mutation.trying import DESELECTED, ROOT, file_of


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        ("a < b", ["a < b -> a <= b", "a < b -> a > b"]),
        ("a is b", ["a is b -> a is not b"]),
        ("a and b", ["a and b -> a or b", "a and b -> b", "a and b -> a"]),
        ("not a", ["not a -> a"]),
        ("a // b", ["a // b -> a * b"]),
        ("a + 'x'", ["a + 'x' -> a", "a + 'x' -> 'x'", "a + 'x' -> a + ''"]),
        ("f(1)", ["f(1) -> f(2)", "f(1) -> f(0)"]),
        ("f(0.5, True)", ["f(0.5, True) -> f(5.0, True)", "f(0.5, True) -> f(0.5, False)"]),
        ("f'{a:>3}b'", ["f'{a:>3}b' -> ''"]),
        ("a if b else c", ["a if b else c -> a if True else c", "a if b else c -> a if False else c"]),
        ("[a for a in b if c]", ["for a in b if c -> for a in b", "for a in b if c -> for a in b if False"]),
        ("a[:b]", [":b -> :"]),
        ("min(a)", ["min(a) -> max(a)"]),
        ("lambda: a", ["lambda: a -> lambda: None"]),
    ],
)
def test_mutants_of_an_expression(source: str, changes: list[str]) -> None:
    assert [one.change for one in mutants("m", f"x: int = {source}")] == changes


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        ("f(a)", ["f(a) -> pass"]),
        ("a.b = c", ["a.b = c -> pass"]),
        ("a = c", []),
        ("a -= c", ["a -= c -> pass", "a -= c -> a += c"]),
        ("raise a", ["raise a -> pass"]),
        ("if a: b = c", ["if a: -> if True:", "if a: -> if False:"]),
        ("def f() -> int: return a", ["return a -> return None"]),
        ("def f(): return None", []),
        ("import a\nassert b > c\n'text'\na: int\nif TYPE_CHECKING: f(a)", []),
    ],
)
def test_mutants_of_a_statement(source: str, changes: list[str]) -> None:
    assert [one.change for one in mutants("m", source)] == changes


def test_mutant_is_named_by_its_place_and_numbered() -> None:
    source = "class A:\n    def f(self):\n        return g(a) + 1, h(a) + 1\n"
    names = [str(one) for one in mutants("oracle/it", source)]
    assert "oracle/it A.f: h(a) + 1 -> h(a) + 2" in names
    assert "oracle/it A.f: return (g(a) + 1, h(a) + 1) -> return None" in names
    twice = [one.change for one in mutants("m", "x = (a < b, a < b)")]
    assert twice == ["a < b -> a <= b", "a < b -> a > b", "a < b -> a <= b #2", "a < b -> a > b #2"]


@pytest.mark.parametrize("module", ["oracle/tolerance", "values/cell", "values/pattern"])
def test_every_mutant_is_a_different_program_with_its_own_name(module: str) -> None:
    source = file_of(module).read_text("utf-8")
    original, names = ast.dump(ast.parse(source)), set()
    for one in mutants(module, source):
        assert ast.dump(one.tree) != original
        names.add(str(one))
    assert len(names) == sum(1 for _ in mutants(module, source)) > 0


def _explanations(folder: Path, *names: str) -> Explanations:
    file = folder / "survivors.toml"
    file.write_text(f"[[explanation]]\nreason = 'Equal.'\nmutants = {list(names)}\n", "utf-8")
    return Explanations(file)


def test_survivors_and_explanations_must_match(tmp_path: Path) -> None:
    survived = {f"m f: {number}": False for number in range(20)} | {"m f: odd": True, "m f: even": True}
    found = [*complaints(survived, _explanations(tmp_path, "m f: even", "m f: gone", "other f: not tried"))]
    assert found == ["not explained: m f: odd", "explained, but no survivor: m f: gone"]


def test_too_many_survivors_are_reported(tmp_path: Path) -> None:
    judging = {f"oracle/m f: {number}": number < 4 for number in range(20)}
    values = {f"values/m f: {number}": number < 4 for number in range(20)}
    known = _explanations(tmp_path, *(name for name, alive in (judging | values).items() if alive))
    assert [*complaints(judging, known)] == ["below 85%: oracle/m", "below 85%: all"]
    assert [*complaints(values, known)] == ["below 85%: all"]
    others = {f"values/n f: {number}": False for number in range(20)}
    assert [*complaints(values | others, known)] == []
    assert [*complaints(judging | others, known)] == ["below 85%: oracle/m"]


def test_the_page_counts_and_groups(tmp_path: Path) -> None:
    survived = {"m f: a": True, "m f: b": False, "n g: c": True}
    text = "\n".join(page(survived, _explanations(tmp_path, "m f: a", "n g: c")))
    assert "| m | 2 | 1 | 1 | 50.0% |\n| n | 1 | 0 | 1 | 0.0% |\n| all | 3 | 1 | 2 | 33.3% |" in text
    assert "\nEqual.\n\n- `m f: a`\n- `n g: c`" in text


@pytest.mark.parametrize("module", MODULES)
def test_every_mutated_module_exists(module: str) -> None:
    assert file_of(module).is_file()


@pytest.mark.parametrize("file", TESTS)
def test_every_file_of_tests_exists(file: str) -> None:
    assert (ROOT / file).is_file()


@pytest.mark.parametrize("test", DESELECTED)
def test_every_deselected_test_exists(test: str) -> None:
    file, _, name = test.partition("::")
    assert f"def {name}(" in (ROOT / "tests" / f"test_{file}").read_text("utf-8")

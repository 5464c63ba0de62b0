"""Every reader, on random bytes and on valid files that were damaged: a value or a `SparsecheckError`, nothing else.

`SPARSECHECK_FUZZ_EXAMPLES=5000 pytest tests/test_fuzz.py` tries that many inputs per reader.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparsecheck.cli import main
from sparsecheck.errors import SparsecheckError
from sparsecheck.features.bench import saved_timings
from sparsecheck.features.diff import bundle, snapshot
from sparsecheck.features.init import package, scaffold
from sparsecheck.features.states import readings, stored_states
from sparsecheck.features.states.reading import _require_archive
from sparsecheck.features.try_out.planning import read_plan
from sparsecheck.oracle import references
from sparsecheck.report.expectation_file import parse_expectations, read_text
from sparsecheck.report.lines import encode
from sparsecheck.report.report import read, read_partial, salvage
from sparsecheck.report.sharding import read_weights
from tests.samples import passed, report
from tests.test_hostile_text import EACH, check_terminal

ROOT = Path(__file__).parent.parent
EXAMPLES = int(os.environ.get("SPARSECHECK_FUZZ_EXAMPLES", "60"))
FUZZ = settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

KINDS = ("token", "token", "token", "flip", "cut", "drop", "double", "splice", "insert", "bytes")
TOKEN = re.compile(rb'"(?:[^"\\\n]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\b(?:true|false|null)\b|[\[\]{}:,=]')
ODD = [
    b"", b"null", b"true", b"-1", b"0", b"1e308", b"-1e308", b"1e999", b"9" * 30, b"9" * 5000, b"0." + b"3" * 5000,
    b"NaN", b"Infinity", b"-0.0", b'""', b'"\\u0000"', b'"\\ud800"', b'"\xff\xfe"', b'"\\u202e"',
    b'"' + b"x" * 100_000 + b'"',
    b"[]", b"{}", b"[" * 2000, b"[" * 100_000, b'{"a":' * 50_000, b"[" * 500 + b"]" * 500, b"\0", b"\x1b[2J", b"\n",
    b"\r\n", b",", b'"it:MASK-01/linear/given/float32/cpu"', b'"other"', b"inf", b"nan", b"1979-05-27T07:32:00Z",
    b"'''", b'"""',
    b"a.b.c = 1\n", b"[[defect]]\n", b"[project]\n", b'"../../../../etc/passwd"', b"4294967296",
    b"18446744073709551616",
]


@lru_cache(maxsize=32)  # thousands of damaged files with their tokens would fill gigabytes
def tokens(data: bytes) -> tuple[tuple[int, int], ...]:
    return tuple(found.span() for found in TOKEN.finditer(data))


@st.composite
def damaged(draw: st.DrawFn, valid: tuple[bytes, ...]) -> bytes:
    """Return a valid file with up to five damages, or random bytes."""
    data = draw(st.sampled_from(valid))
    for _ in range(draw(st.integers(1, 5))):
        data = _damage(draw, data, valid)
    return data


def _damage(draw: st.DrawFn, data: bytes, valid: tuple[bytes, ...]) -> bytes:
    kind = draw(st.sampled_from(KINDS))
    spans = tokens(data) if kind == "token" and len(data) < 2**20 else ()
    if spans:
        start, end = draw(st.sampled_from(spans))
        return data[:start] + draw(st.sampled_from(ODD)) + data[end:]
    start = draw(st.integers(0, len(data)))
    end = min(len(data), start + draw(st.sampled_from([1, 2, 8, 100, 10_000])))
    if kind == "cut":
        return data[:start]
    if kind == "drop":
        return data[:start] + data[end:]
    if kind == "double":
        return data[:end] + data[start:]
    if kind == "splice":
        return data[:start] + draw(st.sampled_from(valid))[start:]
    if kind == "insert":
        return data[:start] + draw(st.sampled_from(ODD)) * draw(st.sampled_from([1, 1, 3])) + data[start:]
    if kind == "bytes":
        return data[:start] + draw(st.binary(max_size=40)) + data[end:]
    return data[:start] + bytes(255 - one for one in data[start : start + 1]) + data[start + 1 :]


def a_report(name: str = "it") -> bytes:
    of = report(EACH) if name == "it" else report(passed(f"{name}:MASK-01/linear/given/float32/cpu"), name=name)
    assert of.footer is not None
    return b"".join([encode(of.header), *map(encode, of.records), encode(of.footer)])


def a_bench() -> bytes:
    entry = {"sparsifier": "it", "operation": "update", "size": "linear-64", "device": "cpu"}
    ratio = {"median": 1.5, "low": 1.2, "high": 1.8, "quantile": 1.4, "pairs": 50}
    timing = {"entry": entry, "state": "timed", "median": 1e-4, "ratios": {"exemplar": ratio},
              "counts": {"operators": {"aten.mul": 2}, "output_bytes": 8, "calls": 7}}
    place = dict.fromkeys(("dtype", "torch", "python", "architecture", "threads", "allocator"), "1")
    one = {"name": "x", "extra_info": {"timing": timing, "load": [0.5, 0.5, 0.5], "entry": "it", **place}, "stats": {}}
    return json.dumps({"machine_info": {"cpu": {"brand_raw": "a", "family": 6}}, "benchmarks": [one, one]}).encode()


def a_snapshot() -> bytes:
    file = next((ROOT / "reference" / "recorded").glob("*.jsonl.gz"))
    found = bundle.read(file)
    return snapshot.encode(min(found.values(), key=lambda one: sum(array.nbytes for array in one.tensors.values())))


REPORT, OTHER = a_report(), a_report("other")
PACKED = tuple(gzip.compress(one, mtime=0) for one in (REPORT, OTHER))
EXPECTATIONS = tuple(file.read_bytes() for file in sorted((ROOT / "harness/adapter/shipped").glob("*.toml")))
STATES = ROOT / "reference" / "states"
BUNDLE = next((ROOT / "reference" / "recorded").glob("*.jsonl.gz"))
PLANS = (
    b'scope = "all"\n[plan]\n"a.*" = { pattern = "n_of_m", keep = [1, 4] }\n"b" = { level = 0.2 }\n',
    b'[plan]\n"*" = { pattern = "block", block = [1, 4] }\n"c" = { pattern = "band", width = 5 }\n',
)
PYPROJECT = b"""[build-system]
requires = ["setuptools"]
[project]
name = "acme"
requires-python = ">=3.10"
[tool.setuptools]
packages = ["acme"]
package-dir = {"" = "."}
[tool.poetry]
name = "acme"
packages = [{include = "acme", from = "."}]
[tool.hatch.build.targets.wheel]
packages = ["acme"]
"""


def _expectations(file: Path) -> object:
    return parse_expectations(read_text(file), str(file))


def _project(file: Path) -> object:
    (file.parent / "acme").mkdir(exist_ok=True)
    (file.parent / "acme" / "__init__.py").touch()
    (file.parent / "tox.ini").write_bytes(file.read_bytes())
    (file.parent / "setup.cfg").write_bytes(file.read_bytes())
    return scaffold.plan(package.read(file.parent))


def _manifest(file: Path) -> object:
    return stored_states.read_manifest(file.parent.parent, file.parent.name)


def _archive(file: Path) -> object:
    _require_archive(file.name, file.read_bytes())
    return None


def _reference(file: Path) -> object:
    shutil.copytree(ROOT / "reference" / "oracle", file.parent / "oracle", dirs_exist_ok=True)
    manifest = references.read_manifest(file.parent)
    return [references.read(file.parent, one, manifest) for one in [*manifest.files][:2]]


def _arrays(file: Path) -> object:
    from sparsecheck.reading import parse_arrays, read_bytes

    return parse_arrays(read_bytes(file))


def _bundle(file: Path) -> object:
    tensors = file.parent / "tensors"
    if not tensors.exists():
        tensors.symlink_to(BUNDLE.parent / "tensors")
    return bundle.read(file)


def _packed_bundle(file: Path) -> object:
    file.write_bytes(gzip.compress(file.read_bytes(), 1))
    return _bundle(file)


Seeds = Callable[[], Sequence[bytes]]
READERS: dict[str, tuple[str, Callable[[Path], object], Seeds]] = {
    "report": ("a.jsonl", read, lambda: (REPORT, OTHER)),
    "partial records": ("a.jsonl", read_partial, lambda: (REPORT, OTHER)),
    "salvaged records": ("a.jsonl", salvage, lambda: (REPORT, OTHER)),
    "compressed report": ("a.jsonl.gz", read, lambda: PACKED),
    "durations": ("a.jsonl", read_weights, lambda: (REPORT, OTHER)),
    "expectations": ("a.toml", _expectations, lambda: EXPECTATIONS),
    "pyproject": ("pyproject.toml", _project, lambda: (PYPROJECT, (ROOT / "pyproject.toml").read_bytes())),
    "plan": ("plan.toml", read_plan, lambda: PLANS),
    "states": ("2.13/MANIFEST.json", _manifest, lambda: [(STATES / "2.13" / "MANIFEST.json").read_bytes()]),
    "archive of a state": ("a.pt", _archive, lambda: [min((STATES / "2.13").glob("*.pt")).read_bytes()]),
    "readings": ("a.jsonl", readings.read, lambda: [(ROOT / "docs/versions/states/torch-2.13.jsonl").read_bytes()]),
    "snapshot": ("a.safetensors", snapshot.read, lambda: [a_snapshot()]),
    "bundle": ("a.jsonl.gz", _bundle, lambda: [BUNDLE.read_bytes()]),
    "unpacked bundle": ("a.jsonl.gz", _packed_bundle, lambda: [gzip.decompress(BUNDLE.read_bytes())]),
    "timings": ("a.json", saved_timings.read, lambda: [a_bench()]),
    "references": ("MANIFEST.json", _reference, lambda: [(ROOT / "reference" / "MANIFEST.json").read_bytes()]),
    "arrays": ("a.safetensors", _arrays, lambda: [min((ROOT / "reference/oracle").glob("*")).read_bytes()]),
}


@pytest.mark.parametrize("name", READERS)
def test_a_reader_gives_a_value_or_an_error(tmp_path: Path, name: str) -> None:
    place, reader, seeds = READERS[name]
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    valid = tuple(seeds())
    file.write_bytes(valid[0])
    reader(file)  # what is undamaged is read

    @FUZZ
    @given(st.one_of(st.binary(max_size=300), *[damaged(valid)] * 9))
    def check(data: bytes) -> None:
        file.write_bytes(data)
        with suppress(SparsecheckError):
            reader(file)

    check()


COMMANDS = {
    "report": "report {file} --junit {folder}/x.xml --markdown {folder}/x.md",
    "gate": "gate {file} --baseline {other} --markdown {folder}/x.md --junit {folder}/x.xml",
    "baseline": "gate {other} --baseline {file} --markdown {folder}/x.md",
    "page": "page {file} {second} --html {folder}/x.html --markdown {folder}/x.md",
    "versions": "versions {file} --html {folder}/x.html --markdown {folder}/x.md",
    "merge": "merge {file} --to {folder}/x.jsonl",
    "carry": "report {other} --carry {file}",
    "expect": "expect {file}",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_on_damaged_reports_ends_with_an_exit_code(tmp_path: Path, name: str) -> None:
    file, other, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl", tmp_path / "c.jsonl"
    other.write_bytes(REPORT)
    second.write_bytes(OTHER)
    arguments = COMMANDS[name].format(file=file, other=other, second=second, folder=tmp_path).split()

    @FUZZ
    @given(damaged((REPORT,)))
    def check(data: bytes) -> None:
        file.write_bytes(data)
        result: Any = CliRunner().invoke(main, arguments)
        assert result.exit_code in (0, 1, 2, 3)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "defect of sparsecheck" not in result.output
        check_terminal(result.output)

    check()

"""`sparsecheck bench`: every planned entry is timed or reported, and a run that timed nothing fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sparsecheck.values.timing import OPERATIONS, SIZES, Scope, plan
from tests.faulty import faulty, written

CASES = "sparsecheck.features.bench.timing_cases"
SIZE = ("--size", "16x16")
PLANNED = [entry.id for entry in plan(["exemplar"], Scope(sizes=("16x16",)))]
FIRST = "attach/16x16/cpu"


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m` with these arguments in `folder`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, env=environment)


def bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return call(folder, "sparsecheck", "bench", *SIZE, *arguments)


def rows(output: str) -> dict[str, str]:
    """Return the part of each table line after the device, by entry."""
    words = [line.split(maxsplit=4) for line in output.splitlines()]
    return {f"{row[0]}:{row[1]}/{row[2]}/{row[3]}": row[4] for row in words if len(row) == 5 and row[2] in SIZES}


# ------------------------------------------------------------------ a whole run


@pytest.fixture(scope="module")
def exemplar(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Time the exemplar, and return the process and the file it wrote."""
    folder = tmp_path_factory.mktemp("bench")
    return bench(folder, "exemplar", "--json", "out.json"), folder / "out.json"


def test_every_planned_entry_is_timed(exemplar: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    ended, _ = exemplar
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert list(rows(ended.stdout)) == PLANNED
    assert all(float(row.split()[0]) > 0 for row in rows(ended.stdout).values())


def test_the_file_has_every_entry_and_its_environment(
    exemplar: tuple[subprocess.CompletedProcess[str], Path]
) -> None:
    benchmarks = json.loads(exemplar[1].read_bytes())["benchmarks"]
    assert sorted(one["extra_info"]["entry"] for one in benchmarks) == sorted(PLANNED)
    for one in benchmarks:
        assert (one["options"]["timer"], one["options"]["disable_gc"]) == ("thread_time", True)
        seen = [one["extra_info"][name] for name in ("threads", "hash_seed", "allocator")]
        assert seen == [1, "0", "keeps"]
        assert one["stats"]["rounds"] > 1
        assert one["fullname"] == f"timing_cases.py::{one['name']}"


def test_entries_are_compared_with_everything_that_can_do_the_operation(
    exemplar: tuple[subprocess.CompletedProcess[str], Path]
) -> None:
    benchmarks = json.loads(exemplar[1].read_bytes())["benchmarks"]
    found = {one["extra_info"]["entry"]: one["extra_info"]["timing"]["ratios"] for one in benchmarks}
    assert {entry: set(ratios) for entry, ratios in found.items()} == {
        entry: {"self"} if "compile" in entry else
        {"self", "floor"} | ({"dense"} if OPERATIONS[entry.split(":")[1].split("/")[0]].is_models else set())
        for entry in PLANNED
    }
    for ratio in (ratio for ratios in found.values() for ratio in ratios.values()):
        assert 0 < ratio["low"] <= ratio["median"] <= ratio["high"]
        assert ratio["pairs"] >= 7


def test_other_sparsifiers_are_compared_with_the_exemplar(tmp_path: Path) -> None:
    ended = bench(tmp_path, "torch-prune-l1-unstructured", "--operation", "save", "--json", "out.json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    [only] = json.loads((tmp_path / "out.json").read_bytes())["benchmarks"]
    assert set(only["extra_info"]["timing"]["ratios"]) == {"self", "floor", "exemplar"}


def test_pytest_benchmark_can_compare_the_file(exemplar: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    file, other = exemplar[1], exemplar[1].with_name("other.json")
    other.write_bytes(file.read_bytes())
    ended = call(file.parent, "pytest_benchmark", "compare", str(file), str(other), "--columns=median")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("test_operation[exemplar:forward/16x16/cpu]") == 2
    assert ended.stdout.count("2 tests") == len(PLANNED)


def test_pages_show_earlier_runs(
    exemplar: tuple[subprocess.CompletedProcess[str], Path], tmp_path: Path
) -> None:
    earlier = str(exemplar[1])
    asked = ("exemplar", "--operation", "save", "--html", "out.html", "--markdown", "out.md", "--earlier", earlier)
    ended = bench(tmp_path, *asked)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    html = (tmp_path / "out.html").read_text("utf-8")
    assert "Timed, compared with nothing: 1 timed" in html
    assert "from run to run" in html
    assert "| exemplar | 16x16 |" in (tmp_path / "out.md").read_text("utf-8")


# ------------------------------------------------------- a run that times nothing


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("-n 2", "pytest-benchmark times nothing under xdist: run timing cases without -n"),
        ("--benchmark-disable", "--benchmark-disable prevents timing"),
        ("-k nothing_of_the_kind", "16 of 16 planned entries were not timed"),
        ("-p no:benchmark", "pip install sparsecheck[bench]"),
    ],
)
def test_plain_pytest_that_times_nothing_fails(tmp_path: Path, arguments: str, said: str) -> None:
    plugin = ("-p", "sparsecheck.features.bench.plugin", "-p", "no:cacheprovider")
    target = (*plugin, "--pyargs", CASES, "--sparsecheck-time", "exemplar")
    ended = call(tmp_path, "pytest", *target, *arguments.split())
    assert ended.returncode not in (0, 5), ended.stdout
    assert said in ended.stdout


def test_timing_cases_are_collected_only_when_named(tmp_path: Path) -> None:
    ended = call(tmp_path, "pytest", "--pyargs", "sparsecheck.cases", "--sparsecheck-subject", "exemplar", "--co", "-q")
    assert "test_forward_uses_the_masked_weight" in ended.stdout
    assert "test_operation[" not in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("-p xdist.plugin -n 2 --benchmark-enable", "run timing cases without -n (or with -n 0)"),
        ("--benchmark-skip", "--benchmark-skip prevents timing: remove the option"),
        ("-k nothing_of_the_kind", "its case was not run"),
        ("--no-such-option", "unrecognized arguments"),
    ],
)
def test_a_bench_that_times_nothing_fails(tmp_path: Path, arguments: str, said: str) -> None:
    ended = bench(tmp_path, "exemplar", "--json", "out.json", f"--pytest-args={arguments}")
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert said in ended.stdout
    assert set(rows(ended.stdout)) == set(PLANNED)
    assert f"NOT TIMED: exemplar:{FIRST} and 8 more: " in ended.stdout
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("sys.exit(0)", 1, "RAISED: faulty:attach/16x16/cpu and 8 more: SystemExit: 0"),
        ("pytest.skip('not today')", 3, "NOT TIMED: faulty:attach/16x16/cpu and 8 more: not today"),
        ("pytest.exit('all fine', returncode=0)", 3, "NOT TIMED: faulty:attach/16x16/cpu"),
        ("os._exit(0)", 3, "its process ended before it finished its report, while timing faulty:attach/16x16/cpu"),
    ],
)
def test_a_failing_operation_fails_the_bench(tmp_path: Path, body: str, code: int, said: str) -> None:
    ended = bench(tmp_path, "--adapter", str(faulty(tmp_path, body)))
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert said in ended.stdout
    assert len(rows(ended.stdout)) == len(PLANNED)


def test_a_hung_operation_is_stopped(tmp_path: Path) -> None:
    ended = bench(tmp_path, "--adapter", str(faulty(tmp_path, "time.sleep(600)")), "--limit", "5")
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert "took longer than 5 s" in ended.stdout


_PARTLY = """
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

class Partly(ExemplarAdapter):
    supported = ExemplarAdapter.supported.replace(" trace ", " ").replace("finalize ", "")
    unsupported = "trace finalize"
    def restore(self, dense_model, plan, saved, context):
        raise RuntimeError("cannot be had back")
"""


def test_not_offered_raised_and_timed_entries_are_all_shown(tmp_path: Path) -> None:
    ended = bench(tmp_path, "--adapter", str(written(tmp_path, _PARTLY, "partly")), "--json", "out.json")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    found = rows(ended.stdout)
    assert found["partly:trace/16x16/cpu"] == "-  not offered: trace declared unsupported"
    assert found["partly:finalize/16x16/cpu"] == "-  not offered: finalize declared unsupported"
    assert found["partly:restore/16x16/cpu"] == "-  raised"
    assert "RAISED: partly:restore/16x16/cpu: RuntimeError: cannot be had back" in ended.stdout
    timed = {one["extra_info"]["entry"] for one in json.loads((tmp_path / "out.json").read_bytes())["benchmarks"]}
    untimed = {f"partly:{operation}/16x16/cpu" for operation in ("finalize", "restore", "trace")}
    assert timed == {entry.replace("exemplar", "partly") for entry in PLANNED} - untimed


def test_an_adapter_that_cannot_be_loaded_is_not_timed(tmp_path: Path) -> None:
    ended = bench(tmp_path, "--adapter", str(written(tmp_path, "import no_such_module")))
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert "NOT TIMED: faulty:attach/16x16/cpu" in ended.stdout
    assert "does not import: ModuleNotFoundError" in ended.stdout


# -------------------------------------------------------------------- bad usage


def test_missing_pytest_benchmark_names_the_extra_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['pytest_benchmark'] = None; from sparsecheck.cli import main; main()"
    command = [sys.executable, "-c", code, "bench", "exemplar"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "pip install 'sparsecheck[bench]'" in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-sparsifier",),
        ("exemplar", "--json", "no/such/folder/out.json"),
        ("exemplar", "--html", "no/such/folder/out.html"),
        ("exemplar", "--earlier", "no/such/file.json"),
        ("exemplar", "--against", "no/such/file.json"),
        ("exemplar", "--against-dist", "acme-pruning"),
        ("exemplar", "--against-dist", "acme-pruning>=1"),
        ("exemplar", "--against-dist", "no such name==1"),
        ("exemplar", "--against-dist", "a==1", "--against", "a.json"),
        ("exemplar", "--size", "17x17"),
    ],
)
def test_an_unknown_name_is_bad_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = bench(tmp_path, *arguments)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr

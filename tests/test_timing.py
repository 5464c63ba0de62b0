"""Timing: all that is planned is timed or said not to be, and a run that timed nothing is red."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from sparsecheck import Context, Plan, Sparsified, Violation
from sparsecheck.cases import timing_operations
from sparsecheck.sparsifiers.exemplar import ExemplarAdapter
from sparsecheck.subject.discovery import Found
from sparsecheck.telling.timings import table
from sparsecheck.timing import timing
from sparsecheck.timing.timing import TimingSubject, in_turn, lacking, paired, pattern_for, spread
from sparsecheck.values.timing import OPERATIONS, SIZES, Entry, Ratio, State, Timing, exit_code, plan
from tests.faulty import faulty, written

CASES = "sparsecheck.cases.timing_operations"
PLANNED = [entry.id for entry in plan(["exemplar"])]


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m` with these arguments, in `folder`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, env=environment)


def bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return call(folder, "sparsecheck", "bench", *arguments)


def rows(output: str) -> dict[str, str]:
    """The table's lines by entry: the rest of the line after the size."""
    words = [line.split(maxsplit=3) for line in output.splitlines()]
    return {f"{row[0]}:{row[1]}/{row[2]}": row[3] for row in words if len(row) == 4 and row[2] in SIZES}


# ------------------------------------------------------------------ a whole run


@pytest.fixture(scope="module")
def exemplar(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """A bench of the exemplar, and the file it wrote."""
    folder = tmp_path_factory.mktemp("bench")
    return bench(folder, "exemplar", "--json", "out.json"), folder / "out.json"


def test_all_that_is_planned_is_timed(exemplar: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    ended, _ = exemplar
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert list(rows(ended.stdout)) == PLANNED
    assert all(float(row.split()[0]) > 0 for row in rows(ended.stdout).values())


def test_the_record_has_every_entry_and_says_how_it_was_timed(
    exemplar: tuple[subprocess.CompletedProcess[str], Path]
) -> None:
    benchmarks = json.loads(exemplar[1].read_bytes())["benchmarks"]
    assert sorted(one["extra_info"]["entry"] for one in benchmarks) == sorted(PLANNED)
    for one in benchmarks:
        assert (one["options"]["timer"], one["options"]["disable_gc"]) == ("thread_time", True)
        assert (one["extra_info"]["threads"], one["extra_info"]["hash_seed"]) == (1, "0")
        assert one["stats"]["rounds"] > 1
        assert one["fullname"] == f"timing_operations.py::{one['name']}"


def test_forward_is_told_against_dense(exemplar: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    benchmarks = json.loads(exemplar[1].read_bytes())["benchmarks"]
    found = {one["extra_info"]["entry"]: one["extra_info"].get("sparse_over_dense") for one in benchmarks}
    for entry in PLANNED:
        assert (found[entry] is not None) == ("forward" in entry)
    for ratio in filter(None, found.values()):
        assert 0 < ratio["q1"] <= ratio["median"] <= ratio["q3"]
        assert ratio["pairs"] in [2 * blocks for blocks in timing.BLOCKS.values()]


def test_pytest_benchmark_compares_the_record(exemplar: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    file, other = exemplar[1], exemplar[1].with_name("other.json")
    other.write_bytes(file.read_bytes())
    ended = call(file.parent, "pytest_benchmark", "compare", str(file), str(other), "--columns=median")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("test_forward[exemplar:forward/256x260]") == 2
    assert ended.stdout.count("2 tests") == len(PLANNED)


# ------------------------------------------------------- a run that times nothing


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("-n 2", "under xdist pytest-benchmark times nothing: run timing cases without -n"),
        ("--benchmark-disable", "--benchmark-disable leaves nothing timed"),
        ("-k nothing_of_the_kind", "14 of 14 planned timings were not made"),
        ("-p no:benchmark", "pip install sparsecheck[bench]"),
    ],
)
def test_plain_pytest_that_times_nothing_is_red(tmp_path: Path, arguments: str, said: str) -> None:
    target = ("--pyargs", CASES, "--sparsecheck-subject", "exemplar", "-p", "no:cacheprovider")
    ended = call(tmp_path, "pytest", *target, *arguments.split())
    assert ended.returncode not in (0, 5), ended.stdout
    assert said in ended.stdout


def test_timing_cases_are_collected_only_when_named(tmp_path: Path) -> None:
    ended = call(tmp_path, "pytest", "--pyargs", "sparsecheck.cases", "--sparsecheck-subject", "exemplar", "--co", "-q")
    assert "test_forward_uses_the_masked_weight" in ended.stdout
    assert "test_forward[" not in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("-p xdist.plugin -n 2 --benchmark-enable", "run timing cases without -n (or with -n 0)"),
        ("--benchmark-skip", "--benchmark-skip leaves nothing timed: take it away"),
        ("-k nothing_of_the_kind", "its case was not run"),
        ("--no-such-option", "unrecognized arguments"),
    ],
)
def test_a_bench_that_times_nothing_is_red(tmp_path: Path, arguments: str, said: str) -> None:
    ended = bench(tmp_path, "exemplar", "--json", "out.json", f"--pytest-args={arguments}")
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert said in ended.stdout
    assert set(rows(ended.stdout)) == set(PLANNED)
    assert "NOT TIMED: exemplar:attach/256x260 and 13 more: " in ended.stdout
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("sys.exit(0)", 1, "RAISED: faulty:attach/256x260 and 13 more: SystemExit: 0"),
        ("pytest.skip('not today')", 3, "NOT TIMED: faulty:attach/256x260 and 13 more: not today"),
        ("pytest.exit('all fine', returncode=0)", 3, "NOT TIMED: faulty:attach/256x260"),
        ("os._exit(0)", 3, "its process ended before its report did, while timing faulty:attach/256x260"),
    ],
)
def test_what_befalls_an_operation_is_red(tmp_path: Path, body: str, code: int, said: str) -> None:
    ended = bench(tmp_path, "--adapter", str(faulty(tmp_path, body)))
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert said in ended.stdout
    assert len(rows(ended.stdout)) == len(PLANNED)


def test_a_hung_operation_is_stopped(tmp_path: Path) -> None:
    ended = bench(tmp_path, "--adapter", str(faulty(tmp_path, "time.sleep(600)")), "--limit", "15")
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert "took longer than its 15 s" in ended.stdout


_PARTLY = """
from sparsecheck.sparsifiers.exemplar import ExemplarAdapter

class Partly(ExemplarAdapter):
    supported = ExemplarAdapter.supported.replace("trace ", "").replace("finalize ", "")
    unsupported = "trace finalize"
    def restore(self, dense_model, plan, saved, context):
        raise RuntimeError("cannot be had back")
"""


def test_not_offered_raised_and_timed_stand_beside_each_other(tmp_path: Path) -> None:
    ended = bench(tmp_path, "--adapter", str(written(tmp_path, _PARTLY, "partly")), "--json", "out.json")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    found = rows(ended.stdout)
    assert found["partly:trace/256x260"] == "-  not offered: trace declared unsupported"
    assert found["partly:finalize/1024x1028"] == "-  not offered: finalize declared unsupported"
    assert found["partly:restore/256x260"] == "-  raised"
    assert "RAISED: partly:restore/256x260 and 1 more: RuntimeError: cannot be had back" in ended.stdout
    timed = {one["extra_info"]["operation"] for one in json.loads((tmp_path / "out.json").read_bytes())["benchmarks"]}
    assert timed == {"attach", "update", "forward", "save"}


def test_an_adapter_that_cannot_be_loaded_is_not_timed(tmp_path: Path) -> None:
    ended = bench(tmp_path, "--adapter", str(written(tmp_path, "import no_such_module")))
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert "NOT TIMED: faulty:attach/256x260" in ended.stdout
    assert "does not import: ModuleNotFoundError" in ended.stdout


# -------------------------------------------------------------------- bad usage


def test_without_pytest_benchmark_it_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['pytest_benchmark'] = None; from sparsecheck.command.main import main; main()"
    command = [sys.executable, "-c", code, "bench", "exemplar"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "pip install sparsecheck[bench]" in ended.stderr


@pytest.mark.parametrize("arguments", [("no-such-sparsifier",), ("exemplar", "--json", "no/such/folder/out.json")])
def test_what_does_not_exist_is_bad_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = bench(tmp_path, *arguments)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


# --------------------------------------------------------------------- the parts


def test_every_operation_has_one_case() -> None:
    timed = [getattr(value, timing.ATTRIBUTE, None) for value in vars(timing_operations).values()]
    assert sorted(filter(None, timed)) == sorted(OPERATIONS)


def found_as(adapter: ExemplarAdapter) -> Found:
    return Found("it", adapter, adapter.declare("it"), Path("it.py"))


class Aside(ExemplarAdapter):
    """Sparsifies a copy and hands back the model as it was."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        sparsified = super().attach(copy.deepcopy(model), plan, context)
        sparsified.sparse, sparsified.model = sparsified.model, model  # type: ignore[attr-defined]
        sparsified.update = lambda level=None: None  # type: ignore[method-assign]
        return sparsified


def test_an_untouched_model_is_not_timed() -> None:
    entry = Entry("it", "forward", "256x260")
    TimingSubject(entry, found_as(ExemplarAdapter())).sparsified()
    with pytest.raises(Violation, match="plan-not-applied"):
        TimingSubject(entry, found_as(Aside())).sparsified()


def test_a_sparsifier_is_timed_on_what_it_has_to_rank_for() -> None:
    class Blocks(ExemplarAdapter):
        supported = ExemplarAdapter.supported.replace("unstructured ", "").replace("linear ", "")
        unsupported = "unstructured linear"

    assert pattern_for(ExemplarAdapter().declare("it")) == "unstructured-0.5"
    assert pattern_for(Blocks().declare("it")) == "block1x4-0.5"
    assert lacking("attach", ExemplarAdapter().declare("it")) == ()
    assert lacking("attach", Blocks().declare("it")) == ("linear",)


class Clocked:
    """pytest-benchmark's pedantic mode, on a clock that only `spend` moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log: list[str] = []
        self.stats = SimpleNamespace(stats=SimpleNamespace(data=[]))
        self.extra_info: dict[str, Any] = {}

    def spend(self, name: str, seconds: float) -> Callable[[], None]:
        def spending() -> None:
            self.log.append(name)
            self.now += seconds * 1.1 ** len(self.log)

        return spending

    def pedantic(
        self, target: Callable[[], None], teardown: Callable[[], None], rounds: int, iterations: int, warmup_rounds: int
    ) -> None:
        for number in range(-warmup_rounds, rounds):
            start = self.now
            for _ in range(iterations):
                target()
            if number >= 0:
                self.stats.stats.data.append((self.now - start) / iterations)
            teardown()


def test_rivals_take_turns_and_a_machine_that_slows_down_cancels(monkeypatch: pytest.MonkeyPatch) -> None:
    clocked = Clocked()
    monkeypatch.setattr(timing, "CLOCK", lambda: clocked.now)
    ratios = in_turn(clocked, clocked.spend("sparse", 3.0), clocked.spend("dense", 2.0), 4, 2)  # type: ignore[arg-type]
    block = ["sparse"] * 2 + ["dense"] * 3 + ["sparse"]
    assert clocked.log == block * 5
    # The clock runs ever faster, 1.1 times a call: a block of `dense` lies three calls to each side of its `sparse`.
    assert ratios == pytest.approx([1.5 * 1.1**3, 1.5 / 1.1**3] * 4)
    assert ratios[0] * ratios[1] == pytest.approx(1.5**2)


def test_ratios_are_to_the_neighbours_on_both_sides() -> None:
    assert paired([3.0, 8.0], [1.0, 2.0, 4.0, 99.0]) == [3.0, 1.5, 4.0, 2.0]
    assert spread([5.0, 1.0, 2.0, 4.0, 3.0]) == Ratio(3.0, 2.0, 4.0)


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ((), 3),
        ((State.NOT_OFFERED,), 3),
        ((State.TIMED,), 0),
        ((State.TIMED, State.NOT_OFFERED), 0),
        ((State.TIMED, State.RAISED), 1),
        ((State.RAISED,), 1),
        ((State.TIMED, State.RAISED, State.NOT_TIMED), 3),
    ],
)
def test_exit_code(states: tuple[State, ...], code: int) -> None:
    assert exit_code([Timing(Entry("it", "attach", "256x260"), state) for state in states]) == code


def test_the_table_misses_nothing() -> None:
    entries = plan(["it"])
    timings = [Timing(entry, State.TIMED, median=1.5e-6, ratio=Ratio(1.25, 1.2, 1.3)) for entry in entries]
    timings[3] = Timing(entries[3], State.NOT_TIMED, "why not")
    lines = list(table(timings))
    assert lines[1] == "it          attach     256x260          1.5  1.25 [1.20, 1.30]"
    assert list(rows("\n".join(lines))) == [entry.id for entry in entries]
    assert f"NOT TIMED: {entries[3].id}: why not" in lines

"""Faults of sparsifiers, adapters and users: no fault is green, and no record is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sparsecheck.process.device import accelerator
from sparsecheck.report.report import read_partial
from sparsecheck.values.record import Record, Verdict
from tests.faulty import ONE_CASE, SMOKE_CALLS, Ended, faulty, part, run, run_together, written

SECOND_CALL = f"type(self).calls = getattr(type(self), 'calls', {-SMOKE_CALLS}) + 1; self.calls < 4 or {{}}"


def records(ended: Ended) -> tuple[Record, ...]:
    assert ended.report is not None, ended.output
    return ended.report.records


UNJUDGED = [
    ("pytest.skip('not today')", "cannot skip a case"),
    ("pytest.xfail('not today')", "cannot skip a case"),
    ("pytest.importorskip('no_such_module')", "cannot skip a case"),
    ("pytest.fail('gives up')", "gives up"),
    ("sys.exit(0)", "SystemExit"),
    ("raise BaseException('odd')", "odd"),
    ("raise RuntimeError('broken here')", "broken here"),
    ("raise RuntimeError('half a \\ud800 character')", r"half a \ud800 character"),
    ("raise type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})", "its message cannot be read"),
    ("raise type('Silent', (Exception,), {'__str__': lambda self: sys.exit(0)})", "its message cannot be read"),
    ("import traceback; traceback.extract_tb = None; raise RuntimeError('broken here')", "broken here"),
]


@pytest.fixture(scope="module")
def unjudged(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Run all adapters of `UNJUDGED`, each in a process of its own."""
    folder = tmp_path_factory.mktemp("unjudged")
    return run_together(folder, [faulty(folder, body, f"it{number}") for number, (body, _) in enumerate(UNJUDGED)])


@pytest.mark.parametrize("number", range(len(UNJUDGED)), ids=[body for body, _ in UNJUDGED])
def test_a_case_that_is_not_judged_is_red(unjudged: Ended, number: int) -> None:
    one, said = part(unjudged, f"it{number}"), UNJUDGED[number][1]
    assert one.code == 1, unjudged.output
    red = [record for record in one.records if record.verdict.is_red]
    assert red
    assert said in red[0].message
    assert said in unjudged.output


@pytest.mark.parametrize(
    "body",
    [
        "os._exit(0)",
        SECOND_CALL.format("os._exit(0)"),
        "os.kill(os.getpid(), signal.SIGSEGV)",
        "pytest.exit('all fine', returncode=0)",
        "(_ for _ in ()).throw(KeyboardInterrupt)",
    ],
)
def test_an_interrupted_run_is_incomplete(tmp_path: Path, body: str) -> None:
    ended = run(tmp_path, "--adapter", str(faulty(tmp_path, body)), *ONE_CASE)
    assert ended.code == 3, ended.output
    assert "PLAN AND RECORDS DIFFER" in ended.output


def test_records_before_a_crash_are_kept_and_the_crashing_cell_is_named(tmp_path: Path) -> None:
    adapter = faulty(tmp_path, SECOND_CALL.format("os._exit(0)"))
    ended = run(tmp_path, "--adapter", str(adapter), *ONE_CASE)
    verdicts = [record.verdict for record in records(ended)]
    assert verdicts.count(Verdict.PASSED) == 3
    assert [record.signature for record in records(ended) if record.verdict is Verdict.ERROR] == ["crash"]


def test_a_killed_worker_loses_only_its_cell(tmp_path: Path) -> None:
    adapter = faulty(tmp_path, "max(p.shape[0] for p in model.parameters()) > 99 and os._exit(0)")
    ended = run(tmp_path, "--adapter", str(adapter), "-n", "2", *ONE_CASE)
    assert ended.code == 1, ended.output
    lost = [record for record in records(ended) if record.verdict is Verdict.ERROR]
    assert [record.cell for record in lost] == ["faulty:MASK-01/large/given/float32/cpu"]
    assert sum(record.verdict is Verdict.PASSED for record in records(ended)) > 5


def test_a_hung_case_is_an_error_and_the_others_are_judged(tmp_path: Path) -> None:
    adapter = faulty(tmp_path, "time.sleep(60 if type(getattr(model, 'conv1', None)) is torch.nn.Conv2d else 0)")
    ended = run(tmp_path, "--adapter", str(adapter), "--case-limit", "6", *ONE_CASE)
    assert ended.code == 1, ended.output
    assert any("Timeout" in record.message for record in records(ended) if record.verdict is Verdict.ERROR)
    assert any(record.verdict is Verdict.PASSED for record in records(ended))


SLOW = """
import signal, time
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

class Slow(ExemplarAdapter):
    def attach(self, model, plan, context):
        if hasattr(model, "conv1"):
            {stops}
            end = time.monotonic() + 4
            while time.monotonic() < end:
                try:
                    time.sleep(0.1)
                except BaseException:
                    pass
        return super().attach(model, plan, context)
"""


@pytest.mark.parametrize("stops", ["pass", "signal.setitimer(signal.ITIMER_REAL, 0)", "time.perf_counter = lambda: 0"])
def test_a_case_over_its_limit_is_an_error_though_it_was_not_ended(tmp_path: Path, stops: str) -> None:
    adapter = written(tmp_path, SLOW.format(stops=stops))
    cells = ("--cell", "faulty:MASK-01/linear/given/float32/cpu", "--cell", "faulty:MASK-01/conv2d/given/float32/cpu")
    ended = run(tmp_path, "--adapter", str(adapter), "--case-limit", "3", *cells)
    assert ended.code == 1, ended.output
    one, other = sorted(records(ended), key=lambda record: record.cell)
    assert (one.verdict, other.verdict) == (Verdict.ERROR, Verdict.PASSED)
    assert one.signature.startswith("over-limit: the case took ")


def test_a_hung_sparsifier_is_stopped(tmp_path: Path) -> None:
    body = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM]); time.sleep(600)"
    ended = run(tmp_path, "--adapter", str(faulty(tmp_path, body)), "--limit", "5", *ONE_CASE)
    assert ended.code == 3, ended.output
    assert "took longer than 5 s" in ended.output


@pytest.mark.parametrize(
    "arguments", ["-k nothing_of_the_kind", "-k linear", "--deselect x -x --co", "-x --maxfail=1"]
)
def test_selection_by_pytest_options_is_incomplete(tmp_path: Path, arguments: str) -> None:
    adapter = faulty(tmp_path, "raise RuntimeError" if "-x" in arguments else "pass")
    ended = run(tmp_path, "--adapter", str(adapter), "--pytest-args", arguments, *ONE_CASE)
    assert ended.code == 3, ended.output


def test_the_users_pytest_configuration_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -k nothing\n")
    (tmp_path / "conftest.py").write_text("def pytest_collection_modifyitems(items): items.clear()\n")
    environment = {"PYTEST_ADDOPTS": "-k nothing"}
    ended = run(tmp_path, "--adapter", str(faulty(tmp_path, "pass")), *ONE_CASE, environment=environment)
    assert ended.code == 0, ended.output


def test_our_selectors_reduce_the_plan_and_are_never_success(tmp_path: Path) -> None:
    cell = "exemplar:MASK-01/linear/given/float32/cpu"
    ended = run(tmp_path, "exemplar", "--cell", cell)
    assert ended.code == 0, ended.output
    assert [record.cell for record in records(ended)] == [cell]
    assert "exemplar: SELECTION" in ended.output


@pytest.mark.parametrize("arguments", [("--cell", "exemplar:MASK-01/linear/given/float33/cpu"), ("--cell", "x"),
                                       ("--requirement", "MASK-99"), ("no-such-sparsifier",),
                                       ("exemplar", "--require", "no-such-sparsifier"),
                                       ("exemplar", "--level", "no-such-level"), ("exemplar", "--limit", "-1"),
                                       ("exemplar", "--pytest-args", "'")])
def test_an_unknown_name_is_bad_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = run(tmp_path, *arguments)
    assert ended.code == 2, ended.output
    assert "Traceback" not in ended.output


BROKEN = [
    ("import no_such_module", "does not import: ModuleNotFoundError"),
    ("raise SystemExit(0)", "does not import: SystemExit"),
    ("import pytest\npytest.skip('no', allow_module_level=True)", "does not import: Skipped"),
    ("from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n"
     "class A(ExemplarAdapter):\n    profile = 'structral'", "does not declare itself"),
    ("class Adapter: pass", "defines no adapter"),
    ("def broken(:", "SyntaxError"),
    ("from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n"
     "class A(ExemplarAdapter):\n    supported = ExemplarAdapter.supported.replace('conv1d ', '')",
     "leaves undeclared: conv1d; add each to `supported` or to `unsupported`"),
    ("from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n"
     "class A(ExemplarAdapter):\n    unsupported = 'conv1d'", "both supported and unsupported: conv1d"),
    ("from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n"
     "class A(ExemplarAdapter):\n    unsupported = 'conv9d'", "unknown: conv9d"),
    ("from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n"
     "class A(ExemplarAdapter):\n    contract = None", "does not declare itself"),
]


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Run all adapters of `BROKEN`, and one that is not."""
    folder = tmp_path_factory.mktemp("broken")
    files = [written(folder, text, f"it{number}") for number, (text, _) in enumerate(BROKEN)]
    return run_together(folder, [*files, faulty(folder, "pass", "sound")])


@pytest.mark.parametrize("number", range(len(BROKEN)), ids=[said for _, said in BROKEN])
def test_a_broken_adapter_is_reported_with_the_reason(broken: Ended, number: int) -> None:
    assert broken.code == 2, broken.output
    one = part(broken, f"it{number}")
    assert one.code == 2
    assert BROKEN[number][1] in one.problem
    [line] = [line for line in broken.output.splitlines() if line.startswith(f"it{number}: NOT JUDGED")]
    assert BROKEN[number][1] in line
    assert "sound: SELECTION" in broken.output


def test_a_duplicate_name_is_refused(tmp_path: Path) -> None:
    ended = run(tmp_path, "exemplar", "--adapter", str(faulty(tmp_path, "pass", "exemplar")), *ONE_CASE)
    assert ended.code == 2, ended.output
    assert "two sparsifiers share the name" in ended.output


@pytest.mark.parametrize(
    ("sent", "said"), [(signal.SIGINT, "interrupted by the user"), (signal.SIGTERM, "ended by SIGTERM")]
)
def test_an_interrupted_run_leaves_a_report_that_says_so(tmp_path: Path, sent: signal.Signals, said: str) -> None:
    path, begun = tmp_path / "out.jsonl", tmp_path / "begun"
    adapter = faulty(tmp_path, f"open({str(begun)!r}, 'w').close(); time.sleep(1)")
    command = [sys.executable, "-m", "sparsecheck", "run", "--adapter", str(adapter), "--report", str(path)]
    child = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # a job in the background
    while not begun.exists() and child.poll() is None:
        time.sleep(0.1)
    os.kill(child.pid, sent)
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 3, output
    assert f"INTERRUPTED ({said}; faulty: stopped while judging faulty:" in output
    assert "Traceback" not in output
    partial = read_partial(path)
    assert partial.footer is not None
    assert partial.footer.interrupted.startswith(said)
    assert not any(record.verdict is Verdict.ERROR for record in partial.records)


def test_an_unsupported_capability_is_judged_as_a_refusal(tmp_path: Path) -> None:
    text = (
        "from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n"
        "class Narrow(ExemplarAdapter):\n"
        "    supported = ExemplarAdapter.supported.replace('conv1d ', '').replace('conv2d ', '')\n"
        "    unsupported = 'conv1d conv2d'\n"
        "    def attach(self, model, plan, context):\n"
        "        if plan.names == ('conv1.weight',) and next(model.children()).weight.dim() == 3:\n"
        "            raise ValueError('conv1.weight: no Conv1d')\n"
        "        return super().attach(model, plan, context)\n"
    )
    ended = run(tmp_path, "--adapter", str(written(tmp_path, text)), *ONE_CASE, "--requirement", "REFUSE-02")
    assert ended.code == 1, ended.output
    seen = {tuple(record.cell.partition(":")[2].split("/")[:2]): record for record in records(ended)}
    assert seen["REFUSE-02", "conv1d"].verdict is Verdict.REFUSED
    assert seen["REFUSE-02", "conv1d"].refused_by == "adapter"
    assert seen["REFUSE-02", "conv2d"].signature.startswith("not-refused")
    assert seen["MASK-01", "linear"].verdict is Verdict.PASSED
    assert ("MASK-01", "conv1d") not in seen


def test_a_crash_is_not_a_refusal(tmp_path: Path) -> None:
    text = (
        "from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n"
        "class Lacking(ExemplarAdapter):\n"
        "    catalogue = 4\n"
        "    supported, unsupported = ExemplarAdapter.supported.replace('band ', ''), 'band'\n"
        "    def attach(self, model, plan, context):\n"
        "        known = {}\n"
        "        for name, pattern in plan.patterns.items():\n"
        "            'Band' in str(pattern) and known[f'{name}: {pattern}']\n"
        "        return super().attach(model, plan, context)\n"
    )
    ended = run(tmp_path, "--adapter", str(written(tmp_path, text)), "--requirement", "REFUSE-01")
    assert ended.code == 1, ended.output
    assert [record.signature.partition(":")[0] for record in records(ended)] == ["refusal-by-accident"]


FORGES = """
import sys
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

class Flips(Exemplar):
    def masks(self):
        return {name: ~mask for name, mask in super().masks().items()}

class Plugin:
    def pytest_runtest_logreport(self, report):
        report.outcome = "passed"
        report.user_properties[:] = [(name, text.replace("failed", "passed")) for name, text in report.user_properties]

class Forges(ExemplarAdapter):
    sparsified = Flips

    def attach(self, model, plan, context):
        frame = sys._getframe()
        while frame is not None:
            for value in frame.f_locals.values():
                manager = getattr(value, "pluginmanager", None)
                if manager is not None and not manager.has_plugin("forging"):
                    manager.register(Plugin(), "forging")
            frame = frame.f_back
        return super().attach(model, plan, context)
"""


def test_a_record_that_a_plugin_changes_stays_and_ends_the_run(tmp_path: Path) -> None:
    ended = run(tmp_path, "--adapter", str(written(tmp_path, FORGES)), "--requirement", "MASK-03")
    assert ended.code == 3, ended.output
    assert "another pytest plugin changed the record of faulty:MASK-03/" in ended.output
    assert Verdict.FAILED in {record.verdict for record in records(ended)}


WARNS = """
import warnings
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

class Warns(ExemplarAdapter):
    catalogue = 4
    supported, unsupported = ExemplarAdapter.supported.replace("band ", ""), "band"

    def attach(self, model, plan, context):
        warnings.warn(f"Band is not supported for {plan.names}")
        return super().attach(model, plan, context)
"""


@pytest.mark.parametrize("how", ["environment", "option"])
def test_warnings_that_are_made_errors_change_no_verdict(tmp_path: Path, how: str) -> None:
    """A warning is no refusal, and a good sparsifier may warn."""
    strict = {"PYTHONWARNINGS": "error"} if how == "environment" else {}
    option = () if how == "environment" else ("--pytest-args", "-W error")
    selected = ("--requirement", "REFUSE-01", "--requirement", "SMOKE-02")
    ended = run(tmp_path, "--adapter", str(written(tmp_path, WARNS)), *selected, *option, environment=strict)
    assert ended.code == 1, ended.output
    assert sorted(record.signature.partition(":")[0] for record in records(ended)) == ["", "not-refused"]


def test_a_refusal_must_name_the_unsupported_capability_not_a_supported_one(tmp_path: Path) -> None:
    text = (
        "from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n"
        "class Lacking(ExemplarAdapter):\n"
        "    supported = ExemplarAdapter.supported.replace('channel input_channel ', '')\n"
        "    unsupported = 'channel input_channel'\n"
        "    def attach(self, model, plan, context):\n"
        "        if 'channel' in str(plan.patterns).lower():\n"
        "            raise ValueError('Linear: not today')\n"
        "        return super().attach(model, plan, context)\n"
    )
    ended = run(tmp_path, "--adapter", str(written(tmp_path, text)), "--requirement", "REFUSE-01")
    assert ended.code == 1, ended.output
    assert records(ended)[-1].signature.startswith("refusal-unnamed")


def test_a_sparsifier_that_supports_nothing_is_never_green(tmp_path: Path) -> None:
    text = (
        "from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n"
        "class Lacking(ExemplarAdapter):\n"
        "    supported, unsupported = '', ExemplarAdapter.supported\n"
    )
    ended = run(tmp_path, "--adapter", str(written(tmp_path, text)))
    assert ended.code == 2, ended.output
    assert records(ended) == ()


def test_a_process_that_a_sparsifier_forks_writes_no_report(tmp_path: Path) -> None:
    once = "hasattr(type(self), 'forked') or setattr(type(self), 'forked', os.fork())"
    ended = run(tmp_path, "--adapter", str(faulty(tmp_path, once)), "--requirement", "REG-05")
    assert ended.code == 0, ended.output
    assert len(records(ended)) == 1


NEEDS_A_GPU = """
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter, Refused

class NeedsAGpu(ExemplarAdapter):
    supported = ExemplarAdapter.supported.replace(" cpu ", " ")
    unsupported = "cpu"

    def attach(self, model, plan, context):
        if context.device.type == "cpu":
            raise Refused(f"{', '.join(plan.names)}: no kernel for the cpu")
        return super().attach(model, plan, context)
"""


@pytest.mark.skipif(bool(accelerator()), reason="it can be judged here")
def test_a_sparsifier_without_a_usable_device_is_unavailable_never_green(tmp_path: Path) -> None:
    file = str(written(tmp_path, NEEDS_A_GPU))
    alone = run(tmp_path, "--adapter", file)
    assert alone.code == 1, alone.output
    assert "faulty: UNAVAILABLE" in alone.output
    assert "NOTHING COULD BE JUDGED on this machine" in alone.output
    beside = run(tmp_path, "faulty", "exemplar", "--adapter", file, "--area", "SMOKE")
    assert beside.code == 0, beside.output
    required = run(tmp_path, "faulty", "exemplar", "--adapter", file, "--area", "SMOKE", "--require", "faulty")
    assert required.code == 2, required.output
    assert "required but not judged: faulty" in required.output


def test_a_working_cpu_declared_unsupported_is_a_failure(tmp_path: Path) -> None:
    file = str(written(tmp_path, NEEDS_A_GPU.replace('== "cpu"', '== "tpu"')))
    ended = run(tmp_path, "--adapter", file)
    assert ended.code == 1, ended.output
    assert "cpu declared unsupported, but attach and update went through" in ended.output

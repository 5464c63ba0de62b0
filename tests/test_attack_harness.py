"""Sparsifiers that replace parts of pytest or of the harness in their own process."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import ANY

import pytest
import torch

from sparsecheck.process.integrity import Harness
from sparsecheck.run import pytest_hooks
from sparsecheck.values.record import Verdict
from tests.faulty import COUNT, faulty, part, run, run_together, written

NOT_RUN = (
    "import pytest\n"
    "from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n"
    "pytest.Function.runtest = lambda self: None\n"
    "class Faulty(ExemplarAdapter): pass\n"
)
PATCHED = (
    "from sparsecheck.run import pytest_hooks\n"
    "from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n"
    "from sparsecheck.values.record import Record, Verdict\n"
    "pytest_hooks.failed = lambda cell, *rest, **more: Record(cell, Verdict.PASSED)\n"
    "class Faulty(ExemplarAdapter):\n"
    "    def attach(self, *rest): raise ValueError('broken')\n"
)
BLINDED = (
    f"{PATCHED}"
    "import sparsecheck.process.integrity as unaltered\n"
    "unaltered.Harness.changed = lambda self: ''\n"
)
AGREES = (
    "import numpy as np\n"
    "from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n"
    "np.isclose = lambda one, *rest, **more: np.ones(one.shape, bool)\n"
    "class Faulty(ExemplarAdapter): pass\n"
)


def test_modified_harness_cannot_pass(tmp_path: Path) -> None:
    files = [
        written(tmp_path, NOT_RUN, "not-run"), written(tmp_path, PATCHED, "patches"),
        written(tmp_path, BLINDED, "blinds"), written(tmp_path, AGREES, "agrees"),
    ]
    ended = run_together(tmp_path, files)
    assert ended.code == 3, ended.output
    one = part(ended, "not-run")
    assert one.code == 1
    assert one.verdicts() == [Verdict.ERROR] * COUNT
    assert one.records[-1].message == "pytest did not run the case: another plugin or a patch of pytest prevented it"
    other = part(ended, "patches")
    assert other.code == 3
    assert other.lost == "the sparsifier replaced sparsecheck.run.pytest_hooks.failed, a part of the harness"
    assert "patches: the sparsifier replaced" in ended.output
    blinded = part(ended, "blinds")
    assert (blinded.code, blinded.lost) == (other.code, other.lost)
    agrees = part(ended, "agrees")
    assert (agrees.code, agrees.lost) == (3, "the sparsifier replaced numpy.isclose, a part of the harness")


def test_replacement_in_a_worker_is_reported(tmp_path: Path) -> None:
    body = "import sparsecheck.values.violation as violation; violation.require = lambda *rest: None"
    ended = run(tmp_path, "--adapter", str(faulty(tmp_path, body)), "-n", "1", "--requirement", "REG-05")
    assert ended.code == 3, ended.output
    assert "INTERRUPTED (faulty: the sparsifier replaced sparsecheck.values.violation.require" in ended.output
    assert part(ended, "faulty").verdicts() == [Verdict.PASSED]


@pytest.mark.parametrize(
    "name",
    [
        "sparsecheck.values.violation.require", "sparsecheck.oracle.compare.Violation",
        "sparsecheck.report.verdict.weigh", "sparsecheck.values.record.Record",
        "sparsecheck.values.record.Verdict.is_red",
        "sparsecheck.run.report_writer.ReportWriter.add", "sparsecheck.report.ledger.reconcile",
        "sparsecheck.trials.trial.Trial.assert_masks", "sparsecheck.trials.refusal.assert_unsupported_plan_refused",
        "numpy.isclose", "numpy.asarray", "msgspec.json.encode", "sparsecheck.oracle.tolerance.TABLE",
        "sparsecheck.process.settings.SETTINGS",
    ],
)
def test_every_part_that_judges_is_checked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = Harness()
    assert any(part.value is pytest_hooks.Judge for part in harness.parts)
    assert harness.changed() == ""
    monkeypatch.setattr(name, lambda *rest: None)
    assert harness.changed() == name


def test_an_entry_of_a_table_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    from sparsecheck.trials import models

    harness = Harness()
    monkeypatch.setitem(models._EMPTY, "linear", lambda layer: torch.nn.Identity())
    assert harness.changed() == "sparsecheck.trials.models._EMPTY['linear']"


@pytest.mark.parametrize(
    "name", ["sparsecheck.process.integrity.Harness.changed", "sparsecheck.process.namespaces.Watch.find"]
)
def test_the_integrity_check_is_itself_checked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = Harness().changed
    monkeypatch.setattr(name, lambda *rest: [])
    assert changed() == name


def test_replaced_module_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = Harness()
    monkeypatch.setitem(sys.modules, "sparsecheck.run.pytest_hooks", ModuleType("pytest_hooks"))
    assert harness.changed() == "sparsecheck.run.pytest_hooks"


def test_deleted_part_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = Harness()
    monkeypatch.delattr("sparsecheck.values.violation.require")
    assert harness.changed() == "sparsecheck.values.violation.require"


def test_replacement_that_claims_equality_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = Harness()
    monkeypatch.setattr("sparsecheck.values.violation.require", ANY)
    assert harness.changed() == "sparsecheck.values.violation.require"


def test_shipped_adapters_and_cases_are_not_checked() -> None:
    guests = ("sparsecheck.adapter.shipped.", "sparsecheck.cases.")
    assert not any(part.name.startswith(guests) for part in Harness().parts)

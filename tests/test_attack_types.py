"""Answers of wrong types: each gives one red record that names the type returned and the type expected."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from sparsecheck import Context, Plan, Saved, Sparsified
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.catalogue import requirement
from sparsecheck.report.reasons import exit_code
from sparsecheck.values.record import Record, Verdict
from tests.bench_of_one import judge, planned
from tests.faulty import faulty, run
from tests.samples import report


class Mute(nn.Module):
    """A value without a representation."""

    def __repr__(self) -> str:
        raise RuntimeError("no one may look")


ANSWERS: dict[str, Callable[[], object]] = {
    "NoneType": lambda: None,
    "list": lambda: [torch.ones(2)],
    "str": lambda: "layer1.weight",
    "float": lambda: 0.5,
    "ndarray": lambda: np.ones((3, 3), dtype=np.bool_),
    "Tensor": lambda: torch.ones(3),
    "generator": lambda: (one for one in "ab"),
    "ABCMeta": lambda: ExemplarAdapter,
    "Mute": Mute,
    "dict": lambda: {1: torch.ones(3)},
}
"""Wrong answers, by the name of their type in a message."""


class Wrong(ExemplarAdapter):
    """One method of the protocol returns `answer()`; all others are correct."""

    def __init__(self, call: str, answer: Callable[[], object]) -> None:
        super().__init__()
        self.call, self.answer = call, answer

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        if self.call == "attach":
            return self.answer()  # type: ignore[return-value]
        sparsified = super().attach(model, plan, context)
        if self.call != "restore":
            setattr(sparsified, self.call, self.answer() if self.call == "model" else lambda *_: self.answer())
        return sparsified

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        if self.call == "restore":
            return self.answer()  # type: ignore[return-value]
        return super().restore(dense_model, plan, saved, context)


CALLS = {
    "attach": ("MASK-01", "the result of attach() is of type {}, expected Sparsified"),
    "model": ("MASK-01", "the attribute `model` is of type {}, expected Module"),
    "masks": ("MASK-01", "the result of masks() is of type {}, expected Mapping"),
    "save": ("STATE-01", "the result of save() is of type {}, expected Saved"),
    "restore": ("STATE-01", "the result of restore() is of type {}, expected Sparsified"),
    "finalize": ("REG-14", "the result of finalize() is of type {}, expected Module"),
    "schedule": ("SCHED-01", "the result of schedule() is of type {}, expected Scheduled"),
}
"""By method, a requirement that calls it, and the message of its record."""


def judged(adapter: ExemplarAdapter, id: str) -> Record:
    """Return the record of the canonical cell of a requirement."""
    return judge(adapter, planned(adapter, (requirement(id),))[0])


def require_red(record: Record, said: str) -> None:
    """Assert that a record is a protocol violation of one sentence, and that a run of it is red."""
    assert record.verdict is Verdict.FAILED
    assert record.signature == f"protocol-broken: {said}"
    assert record.message.splitlines() == [f"protocol-broken: {said}"]
    assert exit_code(report([record])) == 1


EXPECTED = {("model", "Mute"), ("finalize", "Mute"), ("masks", "dict")}


@pytest.mark.parametrize(("call", "given"), sorted({(call, given) for call in CALLS for given in ANSWERS} - EXPECTED))
def test_wrong_type_is_reported_where_it_is_returned(call: str, given: str) -> None:
    id, said = CALLS[call]
    require_red(judged(Wrong(call, ANSWERS[given]), id), said.format(given))


@pytest.mark.parametrize(
    ("call", "answer", "said"),
    [
        ("masks", lambda: {1: torch.ones(3)}, "a name in the result of masks() is of type int, expected str"),
        ("masks", lambda: {"layer1.weight": None},
         "the result of masks() for layer1.weight is of type NoneType, expected Tensor"),
        ("masks", lambda: {"layer1.weight": np.ones((3, 3))},
         "the result of masks() for layer1.weight is of type ndarray, expected Tensor"),
        ("masks", lambda: {"layer1.weight": torch.eye(3).to_sparse()},
         "the result of masks() for layer1.weight has layout torch.sparse_coo, expected torch.strided"),
        ("save", lambda: Saved([torch.ones(3)]),  # type: ignore[arg-type]
         "the model in the result of save() is of type list, expected Mapping"),
        ("save", lambda: Saved({0: torch.ones(3)}),  # type: ignore[dict-item]
         "a name in the model in the result of save() is of type int, expected str"),
    ],
)
def test_wrong_type_inside_an_answer_is_reported(call: str, answer: Callable[[], object], said: str) -> None:
    require_red(judged(Wrong(call, answer), CALLS[call][0]), said)


class InTuples(ExemplarAdapter):
    """The sparse model returns a tuple."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        sparsified = super().attach(model, plan, context)
        sparsified.model.register_forward_hook(lambda module, inputs, output: (output,))
        return sparsified


def test_wrong_type_of_an_output_is_reported() -> None:
    said = "output of the sparse model for a batch of 3 is of type tuple, expected Tensor"
    require_red(judged(InTuples(), "MASK-02"), said)


class NoFinalize(Wrong):
    """Declares finalize unsupported, and returns None from it."""

    supported = ExemplarAdapter.supported.replace("finalize", "")
    unsupported = f"{ExemplarAdapter.unsupported} finalize"


def test_wrong_type_is_not_a_refusal() -> None:
    require_red(
        judged(NoFinalize("finalize", lambda: None), "REFUSE-10"), CALLS["finalize"][1].format("NoneType")
    )


def test_run_reports_a_wrong_type_in_one_sentence(tmp_path: Path) -> None:
    adapter = faulty(tmp_path, "return [model]")
    ended = run(tmp_path, "--adapter", str(adapter), "--cell", "faulty:MASK-01/linear/given/float32/cpu")
    assert ended.code == 1, ended.output
    assert ended.report is not None
    [record] = ended.report.records
    assert record.verdict is Verdict.NOT_RUN
    assert record.message == (
        "faulty:SMOKE-01/linear/given/float32/cpu is failed: "
        "the result of attach() is of type list, expected Sparsified; look at attach, faulty.py:8"
    )
    assert f"    {record.message}\n" in ended.output
    assert "Traceback" not in ended.output


def test_every_method_of_the_protocol_is_tested() -> None:
    members = {name for name, _ in inspect.getmembers(Sparsified, inspect.isfunction) if not name.startswith("_")}
    without_answer = {"update", "train", "step", "load", "load_sidecar", "sidecar", "remember", "rewind"}
    assert members - without_answer <= set(CALLS)

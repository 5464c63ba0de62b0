"""What a case does to the process is undone after it, so that no verdict hangs on what was judged before."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from sparsecheck.sparsifiers.exemplar import ExemplarAdapter
from sparsecheck.trials.guard import AT_FIRST, same_world
from sparsecheck.trials.probe import lasting_settings, settings
from sparsecheck.values.record import Verdict
from tests.bench_of_one import judge_all

DEEDS: dict[str, Callable[[], object]] = {
    "default dtype": lambda: torch.set_default_dtype(torch.float64),
    "default device": lambda: torch.set_default_device("meta"),
    "grad mode": lambda: torch.set_grad_enabled(False),
    "thread count": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "deterministic algorithms": lambda: torch.use_deterministic_algorithms(True),
    "TF32": lambda: setattr(torch.backends.cuda.matmul, "allow_tf32", True),
    "NumPy's error handling": lambda: np.seterr(all="ignore"),
    "warnings filters": lambda: warnings.simplefilter("ignore"),
}


@pytest.mark.parametrize("name", DEEDS)
def test_a_setting_is_put_back(name: str) -> None:
    before = settings()
    with same_world():
        within = settings()
        DEEDS[name]()
        assert settings()[name] != within[name]
    assert settings() == before


def test_every_lasting_setting_is_tried_and_known_from_the_start() -> None:
    assert set(lasting_settings()) - {"inference mode"} <= set(DEEDS)
    assert list(AT_FIRST) == list(lasting_settings())


def test_random_states_are_the_same_each_time() -> None:
    drawn = []
    for _ in range(2):
        with same_world():
            drawn.append((random.random(), float(np.random.rand()), float(torch.rand(()))))
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("red", [False, True])
def test_what_importing_an_adapter_left_set_is_red(red: bool) -> None:
    with np.errstate(all="ignore") if red else nullcontext():
        [record] = judge_all(ExemplarAdapter(), "MASK-19")
    assert (record.verdict is Verdict.FAILED) is red, record.message
    assert record.signature.startswith("setting-changed: importing the adapter left" if red else "")

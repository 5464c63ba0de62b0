"""Checks of a script: unusual orders of calls, and copies of a sparsifier.

Each is copied into scripts. Its parameters are the names of a script's variables; see `lives`.
"""

from __future__ import annotations

import copy
import pickle
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..adapter.protocol import Sparsified
from .check_tools import assert_masks, assert_refused, copied, tensors
from .state_checks import Behaviour


def finalized_before_update(sparsified: Sparsified, inputs: Tensor) -> None:
    expected = sparsified.model(inputs).detach().clone()
    try:
        final = sparsified.finalize()
    except Exception as error:
        named = any(word in str(error).lower() for word in ("update", "final", "mask", "prun", "step", "weight"))
        assert named, f"expected an error about finalize, seen {type(error).__name__}: {error}"
        final = sparsified.model
    torch.testing.assert_close(final(inputs), expected, msg="finalized before an update: expected the same output")


def levels_refused(sparsified: Sparsified) -> None:
    masks = copied(sparsified.masks())
    for level in (1.5, -0.25, float("nan")):
        words = ("level", "fraction", "amount", "ratio", "sparsity", str(level), str(level * 100))
        assert_refused(partial(sparsified.update, level), sparsified.model, words)
    assert_masks(sparsified, masks)


def copied_sparsifier(sparsified: Sparsified, behaviour: Behaviour) -> None:
    try:
        twin = copy.deepcopy(sparsified)
    except Exception:
        return
    is_of_its_own(sparsified, twin, behaviour)


def pickled_sparsifier(sparsified: Sparsified, behaviour: Behaviour) -> None:
    try:
        twin = pickle.loads(pickle.dumps(sparsified))
    except Exception:
        return
    is_of_its_own(sparsified, twin, behaviour)


def is_of_its_own(sparsified: Sparsified, twin: Sparsified, behaviour: Behaviour) -> None:
    own = {parameter.data_ptr() for parameter in sparsified.model.parameters()}
    shared = [name for name, parameter in twin.model.named_parameters() if parameter.data_ptr() in own]
    assert not shared, f"expected a copy that shares no memory with the original, seen shared {', '.join(shared)}"
    behaviour.assert_same(twin, "of the copied sparsifier")
    twin.update()
    behaviour.assert_same(sparsified, "after its copy was updated")


def saved_is_small(sparsified: Sparsified, dense: nn.Module) -> None:
    saved = sparsified.save()
    planned = sum(dense.get_parameter(name).nbytes for name in sparsified.masks())
    bound = sum(tensor.nbytes for tensor in dense.state_dict().values()) + 2 * planned
    seen = storage_of(saved.model) + storage_of(saved.sidecar)
    assert seen <= bound + 128, f"saved tensors: expected at most {bound} bytes, seen {seen}"


def storage_of(part: Any) -> int:
    storages = [tensor.untyped_storage() for tensor in tensors(part).values()]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())

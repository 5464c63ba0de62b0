"""Compressed tensors are read as the dense ones that they represent.

The 2:4 weights of torch.sparse are made on the CPU, which can hold them, but not multiply by them.
"""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor, nn
from torch.sparse import SparseSemiStructuredTensor, SparseSemiStructuredTensorCUTLASS
from torch.sparse._semi_structured_conversions import sparse_semi_structured_from_dense_cutlass

from sparsecheck import Context, NofM, Plan, Refusal, Violation
from sparsecheck.adapter.shipped.torch_sparse import SemiStructured, SemiStructuredAdapter
from sparsecheck.oracle import compare

ROW = torch.tensor([0.0, 0.0, 3.0, -0.5])
PLAN = Plan({"0.weight": NofM(2, 4)})


def dense() -> Tensor:
    return ROW.tile((32, 16)).to(torch.bfloat16)


def compressed() -> SparseSemiStructuredTensor:
    packed, meta = sparse_semi_structured_from_dense_cutlass(dense())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return SparseSemiStructuredTensorCUTLASS(dense().shape, packed, meta, None, None, None)


def model(weight: Tensor) -> nn.Module:
    made = nn.Sequential(nn.Linear(64, 32, dtype=torch.bfloat16))
    made[0].weight = nn.Parameter(weight, requires_grad=False)
    return made


def test_array_of_a_compressed_tensor_is_dense() -> None:
    assert compare.array(compressed()).tolist() == dense().double().tolist()
    assert compare.array(dense().to_sparse()).tolist() == dense().double().tolist()


def test_compressed_and_dense_tensors_compare_equal() -> None:
    assert compare.same_values(compressed(), dense())
    assert not compare.same_values(compressed(), dense() + 1)
    assert not compare.same_values(compressed(), dense()[:16])


def test_states_with_compressed_tensors_compare() -> None:
    compare.assert_same_state({"it": compressed()}, {"it": compressed()}, "differs", "state")
    with pytest.raises(Violation, match="2048 of 2048 entries"):
        compare.assert_same_state({"it": compressed()}, {"it": dense() + 1}, "differs", "state")
    with pytest.raises(Violation, match="sign of it"):
        compare.assert_same_state({"it": torch.tensor(0.0)}, {"it": torch.tensor(-0.0)}, "differs", "state")


def test_shared_storage_of_wrapped_tensors_is_reported() -> None:
    it = compressed()
    compare.assert_no_shared_storage({"one": it}, {"other": compressed()}, "two")
    with pytest.raises(Violation, match="aliased: two: one shares storage with other"):
        compare.assert_no_shared_storage({"one": it.detach()}, {"other": it}, "two")


def test_masks_and_finalized_model_of_a_compressed_weight() -> None:
    at_work = SemiStructured(model(compressed()), PLAN)
    assert torch.equal(at_work.masks()["0.weight"], dense() != 0)
    weight = at_work.finalize().get_parameter("0.weight")
    assert type(weight) is nn.Parameter
    assert torch.equal(weight, dense())


def test_masks_keep_everything_before_the_first_update() -> None:
    assert SemiStructured(model(dense()), PLAN).masks()["0.weight"].all()


def test_the_adapter_refuses_the_cpu_by_name() -> None:
    context = Context(torch.ones(3, 64, dtype=torch.bfloat16), (), torch.device("cpu"), torch.bfloat16)
    with pytest.raises(Refusal, match=r"0\.weight is on cpu: there is a kernel for CUDA, but none"):
        SemiStructuredAdapter().attach(model(dense()), PLAN, context)

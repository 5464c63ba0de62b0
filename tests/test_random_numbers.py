"""Deterministic random numbers equal those pinned here, on every machine."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from sparsecheck.oracle import random_numbers


def test_the_first_reals_of_a_name() -> None:
    assert [value.hex() for value in random_numbers.reals("x", (3,))] == [
        "-0x1.6d71bc0000000p-1", "0x1.c9b3c80000000p-2", "0x1.bce1240000000p-1",
    ]


def test_the_first_integers_of_a_name() -> None:
    assert random_numbers.integers("x", (4,), 10).tolist() == [8, 6, 6, 7]
    rows = [[7933452, 7601674, 4175838], [6348519, 7428081, 4582411]]
    assert random_numbers.integers("y", (2, 3), 2**23).tolist() == rows
    assert random_numbers.integers("", (1,), 2**31).tolist() == [735951174]


def test_integers_are_little_endian_words_of_shake_256() -> None:
    digest = hashlib.shake_256(b"a name").digest(8 * 20)
    words = [int.from_bytes(digest[at : at + 8], "little") % 1000 for at in range(0, len(digest), 8)]
    assert random_numbers.integers("a name", (4, 5), 1000).ravel().tolist() == words


def test_reals_are_the_odd_steps_between_minus_one_and_one() -> None:
    steps = random_numbers.integers("name", (1000,), 2**23).tolist()
    assert random_numbers.reals("name", (1000,)).tolist() == [(2 * step + 1 - 2**23) / 2**23 for step in steps]


def test_reals_are_inside_their_bounds_not_zero_and_exact_in_float32() -> None:
    values = random_numbers.reals("many", (100_000,))
    assert values.dtype == np.float64
    assert np.abs(values).max() < 1
    assert values.all()
    assert (values.astype(np.float32) == values).all()


@pytest.mark.parametrize("below", [1, 2, 7])
def test_integers_cover_exactly_their_range(below: int) -> None:
    values = random_numbers.integers("dice", (200,), below)
    assert values.dtype == np.int64
    assert set(values.tolist()) == set(range(below))


def test_a_longer_stream_begins_like_a_shorter_one() -> None:
    assert random_numbers.reals("x", (50,))[:3].tolist() == random_numbers.reals("x", (3,)).tolist()


def test_shapes_only_arrange_the_stream() -> None:
    assert random_numbers.reals("x", (2, 3, 4)).ravel().tolist() == random_numbers.reals("x", (24,)).tolist()
    assert random_numbers.reals("x", ()).shape == ()
    assert random_numbers.reals("x", (0, 3)).shape == (0, 3)


@pytest.mark.parametrize(("shape", "words"), [((0, 3), 1), ((), 1), ((1,), 1), ((2, 3), 6)])
def test_one_word_is_drawn_per_number_and_at_least_one(
    shape: tuple[int, ...], words: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def zeros(name: str, size: int) -> bytes:
        drawn.append(size)
        return bytes(size)

    monkeypatch.setattr(random_numbers, "_digest", zeros)
    assert random_numbers.integers("x", shape, 5).shape == shape
    assert drawn == [8 * words]


def test_different_names_give_different_numbers() -> None:
    assert not np.intersect1d(random_numbers.reals("x", (50,)), random_numbers.reals("y", (50,))).size


def test_a_choice_is_one_of_the_options() -> None:
    assert random_numbers.choice("x", "abc") == "b"
    assert {random_numbers.choice(f"{n}", (4, 8)) for n in range(20)} == {4, 8}

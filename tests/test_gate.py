"""The gate of `sparsecheck bench`: fails on slowdowns, other work and missing entries, never on speedups."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from sparsecheck.features.bench.compare import (
    Change,
    Saved,
    Standing,
    allowed,
    compare_with_rival,
    compare_with_saved,
    conclude,
    describe_other_work,
    inverse,
    needs_confirmation,
    over,
)
from sparsecheck.features.bench.gate import Gate, check_run, gate_exit_code
from sparsecheck.features.bench.measure import GATED, Rival, Settings
from sparsecheck.features.bench.saved_timings import InvalidTimings, of_document, read, without_data
from sparsecheck.features.bench.text import render_changes
from sparsecheck.features.bench.time_in_subprocesses import Bench, Timed
from sparsecheck.values.timing import Counts, Entry, Ratio, Scope, State, Timing
from tools.detection.adapters import frozen, planted

ENTRY = Entry("it", "forward", "256x256")
PLACE = {"torch": "2.13.0", "python": "3.11", "processor": "one", "threads": "1"}
COUNTS = Counts({"aten.mul.Tensor": 1}, output_bytes=1024, peak_bytes=1024, calls=9)


def around(median: float, width: float = 0.02, quantile: float | None = None) -> Ratio:
    return Ratio(median, median * (1 - width / 2), median * (1 + width / 2), quantile or median, 40)


def timed(seconds: float = 1e-3, counts: Counts = COUNTS, **ratios: Any) -> Timing:
    """Return a timing with these ratios, by comparison."""
    known: dict[Any, Ratio] = ratios
    return Timing(ENTRY, State.TIMED, median=seconds, ratios=known, counts=counts)


# ----------------------------------------------------- against another version


@pytest.mark.parametrize(
    ("rival", "noise", "seconds", "standing"),
    [
        (around(1.0), around(1.0), 1e-3, Standing.STEADY),
        (around(1.035), around(1.0), 1e-3, Standing.STEADY),
        (around(1.06), around(1.0), 1e-3, Standing.SLOWER),
        (around(1.06), around(1.0), 1e-4, Standing.SLOWER),
        (around(1.06), around(1.0), 9e-5, Standing.STEADY),
        (around(1.2), around(1.0), 9e-5, Standing.SLOWER),
        (around(1.06, quantile=1.02), around(1.0), 1e-3, Standing.STEADY),
        (around(1.06), around(1.05), 1e-3, Standing.TOO_NOISY),
        (around(1.0, 0.25), around(1.0), 1e-3, Standing.TOO_NOISY),
        (around(2.0, 0.25), around(1.0), 1e-3, Standing.SLOWER),
        (around(0.5), around(1.0), 1e-3, Standing.FASTER),
    ],
)
def test_comparison_with_another_version(rival: Ratio, noise: Ratio, seconds: float, standing: Standing) -> None:
    timing = timed(seconds, rival=rival, self=noise)
    assert compare_with_rival(timing, 0.03).standing is standing


@pytest.mark.parametrize(
    "timing", [timed(self=around(1.0)), Timing(ENTRY, State.NOT_TIMED, "why"), Timing(ENTRY, State.RAISED, "why")]
)
def test_an_entry_without_a_rival_is_missing(timing: Timing) -> None:
    assert compare_with_rival(timing, 0.03).standing is Standing.MISSING


@pytest.mark.parametrize(("allowance", "of_short"), [(0.03, 0.15), (0.1, 0.25), (0.25, 0.25), (0.5, 0.5)])
def test_short_operations_are_allowed_more_up_to_a_quarter(allowance: float, of_short: float) -> None:
    assert (allowed(1e-4, allowance), allowed(9e-5, allowance)) == pytest.approx((allowance, of_short))


@pytest.mark.parametrize(
    ("allowance", "width", "standing"),
    [(0.03, 0.19, Standing.STEADY), (0.03, 0.21, Standing.TOO_NOISY), (0.25, 0.24, Standing.STEADY),
     (0.25, 0.26, Standing.TOO_NOISY)],
)
def test_wide_intervals_are_too_noisy(allowance: float, width: float, standing: Standing) -> None:
    assert compare_with_rival(timed(rival=around(1.0, width)), allowance).standing is standing


# ------------------------------------------------------- against what was saved


def saved(place: dict[str, str] = PLACE, counts: Counts = COUNTS, **ratios: Any) -> Saved:
    return Saved(timed(counts=counts, **(ratios or {"exemplar": around(2.0)})), place)


BOTH = saved(exemplar=around(2.0), floor=around(2.0))


@pytest.mark.parametrize(
    ("now", "then", "standing"),
    [
        ({"exemplar": around(2.0)}, saved(), Standing.STEADY),
        ({"exemplar": around(2.2)}, saved(), Standing.SLOWER),
        ({"exemplar": around(1.8)}, saved(), Standing.FASTER),
        ({"exemplar": around(2.08)}, saved(), Standing.STEADY),
        ({"exemplar": around(2.2)}, saved({**PLACE, "processor": "another"}), Standing.UNLIKE),
        ({"exemplar": around(2.2)}, saved({**PLACE, "torch": "2.14.0"}, Counts()), Standing.UNLIKE),
        ({"floor": around(3.0)}, saved(floor=around(2.0)), Standing.SLOWER),
        ({"floor": around(3.0)}, saved(), Standing.UNLIKE),
        ({"exemplar": around(3.0), "floor": around(3.0)}, BOTH, Standing.SLOWER),
        ({"exemplar": around(3.0), "floor": around(2.0)}, BOTH, Standing.STEADY),
        ({"exemplar": around(2.0), "floor": around(3.0)}, BOTH, Standing.STEADY),
        ({"exemplar": around(3.0), "floor": around(1.0)}, BOTH, Standing.STEADY),
        ({"exemplar": around(3.0), "floor": around(3.0, quantile=2.0)}, BOTH, Standing.STEADY),
        ({"exemplar": around(1.0), "floor": around(1.0)}, BOTH, Standing.FASTER),
        ({"exemplar": around(1.0), "floor": around(2.0)}, BOTH, Standing.STEADY),
        ({"exemplar": around(2.0), "floor": around(2.0, 0.3)}, BOTH, Standing.STEADY),
        ({"exemplar": around(3.0), "floor": around(2.0, 0.3)}, BOTH, Standing.TOO_NOISY),
        ({"exemplar": around(3.0), "floor": around(2.1, 0.3)}, BOTH, Standing.TOO_NOISY),
        ({"exemplar": around(2.1, 0.08), "floor": around(2.1, 0.08)}, BOTH, Standing.STEADY),
        ({"exemplar": around(2.0, 0.4), "floor": around(2.0, 0.3)}, BOTH, Standing.TOO_NOISY),
        ({"exemplar": around(3.0)}, BOTH, Standing.SLOWER),
    ],
)
def test_comparison_with_saved_timings(now: dict[str, Any], then: Saved, standing: Standing) -> None:
    assert compare_with_saved(timed(**now), then, PLACE, 0.03).standing is standing


def test_the_smallest_ratio_is_shown() -> None:
    change = compare_with_saved(timed(exemplar=around(3.0), floor=around(2.5)), BOTH, PLACE, 0.03)
    assert change.ratio == over(around(2.5), around(2.0))
    assert change.message == "over exemplar and floor; 3% is allowed"


@pytest.mark.parametrize(("floor", "leans"), [(3.0, True), (2.0, False)])
def test_an_entry_leans_only_if_both_ratios_do(floor: float, leans: bool) -> None:
    now = timed(exemplar=around(3.0, 2.0), floor=around(floor, 2.0))
    assert compare_with_saved(now, BOTH, PLACE, 0.03).leans is leans


@pytest.mark.parametrize(
    ("counts", "standing", "message"),
    [
        (structs.replace(COUNTS, output_bytes=2048), Standing.OTHER_WORK, "output_bytes 2048 instead of 1024 (+1024)"),
        (structs.replace(COUNTS, calls=8), Standing.LESS_WORK, "calls 8 instead of 9 (-1)"),
        (structs.replace(COUNTS, operators={}), Standing.LESS_WORK, "aten.mul.Tensor 0 times instead of 1"),
        (
            structs.replace(COUNTS, operators={"aten.clone.default": 1}), Standing.OTHER_WORK,
            "aten.clone.default 1 times instead of 0, aten.mul.Tensor 0 times instead of 1",
        ),
    ],
)
def test_counts_are_compared_exactly(counts: Counts, standing: Standing, message: str) -> None:
    for place in (PLACE, {**PLACE, "processor": "another"}):
        change = compare_with_saved(timed(counts=counts, exemplar=around(2.0)), saved(), place, 0.03)
        assert (change.standing, change.message) == (standing, message)
    assert describe_other_work(COUNTS, counts) == message


@pytest.mark.parametrize("timing", [None, Timing(ENTRY, State.NOT_OFFERED, "why"), Timing(ENTRY, State.RAISED, "why")])
def test_a_saved_entry_that_was_not_measured_is_missing(timing: Timing | None) -> None:
    assert compare_with_saved(timing, saved(), PLACE, 0.03).standing is Standing.MISSING


def test_the_interval_of_a_quotient_combines_both_intervals() -> None:
    assert over(Ratio(2.0, 1.8, 2.2, 2.1, 9), Ratio(1.0, 0.9, 1.1, 1.0, 7)) == Ratio(
        2.0, 1.8 / 1.1, 2.2 / 0.9, 2.1, 7
    )
    assert inverse(Ratio(2.0, 1.6, 2.5, 2.0, 9)) == Ratio(0.5, 0.4, 0.625, 0.5, 9)


# ------------------------------------------------------------- further measurements


def change(standing: Standing) -> Change:
    return Change(ENTRY, standing, "first", around(1.1))


LEANS = structs.replace(change(Standing.STEADY), leans=True)
NOISY = structs.replace(change(Standing.TOO_NOISY), leans=True)
STEADY, SLOWER, MISSING = map(change, (Standing.STEADY, Standing.SLOWER, Standing.MISSING))


@pytest.mark.parametrize(
    ("seen", "goes_on"),
    [
        ([STEADY], False),
        ([change(Standing.TOO_NOISY)], False),
        ([change(Standing.OTHER_WORK)], False),
        ([LEANS], True),
        ([NOISY], True),
        ([SLOWER], True),
        ([SLOWER, SLOWER], False),
        ([SLOWER, STEADY], False),
        ([SLOWER, LEANS], True),
        ([SLOWER, MISSING], False),
        ([LEANS, SLOWER], True),
        ([LEANS, LEANS], False),
        ([SLOWER, LEANS, LEANS], False),
    ],
)
def test_doubtful_entries_are_measured_again_while_it_can_matter(seen: list[Change], goes_on: bool) -> None:
    assert needs_confirmation(seen) is goes_on


@pytest.mark.parametrize(
    ("seen", "standing", "message"),
    [
        ([SLOWER, SLOWER], Standing.SLOWER, "first"),
        ([LEANS, SLOWER, SLOWER], Standing.SLOWER, "first"),
        ([SLOWER, NOISY, SLOWER], Standing.SLOWER, "first"),
        ([SLOWER, STEADY], Standing.SUSPECT, "found by one of 2 measurements"),
        ([LEANS, SLOWER, STEADY], Standing.SUSPECT, "found by one of 3 measurements"),
        ([SLOWER, MISSING], Standing.SLOWER, "the second measurement failed"),
        ([LEANS, STEADY], Standing.STEADY, "first"),
        ([LEANS, NOISY], Standing.TOO_NOISY, "first"),
        ([LEANS, MISSING], Standing.STEADY, "first"),
        ([change(Standing.OTHER_WORK)], Standing.OTHER_WORK, "first"),
    ],
)
def test_a_slowdown_needs_two_measurements(seen: list[Change], standing: Standing, message: str) -> None:
    assert (conclude(seen).standing, conclude(seen).message) == (standing, message)


@pytest.mark.parametrize(
    ("rival", "leans"),
    [
        (around(1.0), False),
        (around(1.02), False),
        (around(1.035), True),
        (around(1.1, width=0.15), True),
        (around(1.1, width=0.3), True),
        (around(1.0, width=0.3), False),
        (around(0.9, width=0.3), False),
        (around(1.1), False),
    ],
)
def test_an_insignificant_slowdown_leans(rival: Ratio, leans: bool) -> None:
    assert compare_with_rival(timed(rival=rival, self=around(1.0)), 0.03).leans is leans
    assert compare_with_rival(timed(9e-5, rival=rival, self=around(1.0)), 0.03).leans is False


@pytest.mark.parametrize(
    ("standings", "code", "message"),
    [
        ((), 3, "NOTHING COMPARED: no entry at all"),
        ((Standing.NEW,), 3, "NOTHING COMPARED: 1 new"),
        ((Standing.NEW, Standing.UNLIKE), 3, "NOTHING COMPARED: 1 new, 1 not comparable"),
        ((Standing.STEADY, Standing.UNLIKE), 0, "PASSED: 1 steady, 1 not comparable"),
        ((Standing.FASTER, Standing.LESS_WORK), 0, "PASSED: 1 faster, 1 less work"),
        ((Standing.SUSPECT, Standing.TOO_NOISY), 0, "PASSED: 1 slower once, and not again"),
        ((Standing.STEADY, Standing.SLOWER), 1, "FAILED: 1 steady, 1 slower"),
        ((Standing.OTHER_WORK,), 1, "FAILED: 1 other work"),
        ((Standing.MISSING,), 1, "FAILED: 1 not measured"),
    ],
)
def test_verdict_and_exit_code_of_a_gate(standings: tuple[Standing, ...], code: int, message: str) -> None:
    changes = [change(standing) for standing in standings]
    assert gate_exit_code(changes) == code
    assert next(iter(render_changes(changes))).startswith(message)


def test_the_worst_comes_first_and_steady_entries_are_left_out() -> None:
    order = (Standing.FASTER, Standing.STEADY, Standing.SLOWER, Standing.TOO_NOISY)
    [_, *lines] = render_changes([change(standing) for standing in order])
    assert [line.strip().partition(":")[0] for line in lines] == ["SLOWER", "FASTER", "TOO NOISY TO TELL"]
    assert lines[0] == "  SLOWER: it:forward/256x256/cpu: 1.1 [1.09, 1.11]: first"


@pytest.mark.parametrize(
    ("slowdown", "standing", "measurements"),
    [(0.0, Standing.STEADY, ["second"]), (1.0, Standing.SLOWER, ["second", "third"])],
)
def test_a_leaning_entry_is_slower_after_two_more_measurements(
    tmp_path: Path, slowdown: float, standing: Standing, measurements: list[str]
) -> None:
    entry, lines = Entry("current", "forward", "1024x1024"), list[str]()
    first = structs.replace(timed(rival=around(1.1, width=0.15), self=around(1.0)), entry=entry)
    scope = Scope(("forward",), ("1024x1024",))
    settings = Settings(scope, GATED, precision=0.015, rival=Rival(file=str(frozen(tmp_path))))
    apart = Bench((entry.sparsifier,), (planted(tmp_path, slowdown),), settings=settings)
    [found] = check_run(apart, Gate(0.03), Timed((first,), None), lines.append)
    assert found.standing is standing
    assert [line for line in lines if " of 1, in" in line] == [
        f"a {one} measurement of 1 of 1, in fresh processes" for one in measurements
    ]


# ------------------------------------------------------------------- the file


def document(*timings: Timing, **extra: Any) -> dict[str, Any]:
    place = {
        "dtype": "float32", "torch": "2.13.0", "python": "3.11", "architecture": "x86_64", "threads": 1,
        "allocator": "keeps", "load": [0.5, 1.0, 1.5],
    }
    return {
        "machine_info": {"cpu": {"brand_raw": "one"}},
        "benchmarks": [
            {"extra_info": {**place, "timing": msgspec.to_builtins(timing), **extra}, "stats": {"data": [1.0]}}
            for timing in timings
        ],
    }


def test_a_written_file_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "saved.json").write_text(json.dumps(without_data(document(timed(exemplar=around(2.0))))))
    [found] = read(tmp_path / "saved.json")
    assert found.timing == timed(exemplar=around(2.0))
    assert (found.place["processor"], found.place["allocator"], found.load) == ("one", "keeps", 0.5)
    assert '"data"' not in (tmp_path / "saved.json").read_text()


@pytest.mark.parametrize("other", [{"family": 25}, {"model": 3}, {"stepping": 2}, {"brand_raw": "another"}])
def test_processors_of_one_brand_can_differ(other: dict[str, Any]) -> None:
    one: dict[str, Any] = {"brand_raw": "one", "family": 26, "model": 2, "stepping": 1}
    runs = ({**document(timed()), "machine_info": {"cpu": cpu}} for cpu in (one, {**one, **other}))
    first, second = (of_document(run)[0].place["processor"] for run in runs)
    assert first == "one 26 2 1" != second


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "was not written by `sparsecheck bench --json`"),
        ("[]", "was not written by"),
        ('{"machine_info": {"cpu": {}}, "benchmarks": []}', "has no timings to compare with"),
        (json.dumps(document(timed())).replace('"timing"', '"other"'), "was not written by"),
        (json.dumps(document(timed())).replace('"timed"', '"other"'), "was not written by"),
    ],
)
def test_an_unusable_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "saved.json").write_text(text)
    with pytest.raises(InvalidTimings, match=message):
        read(tmp_path / "saved.json")


def test_every_saved_and_every_timed_entry_is_compared() -> None:
    other = structs.replace(timed(exemplar=around(2.0)), entry=Entry("it", "update", "256x256"))
    gate = Gate(0.03, of_document(document(timed(exemplar=around(2.0)))))
    changes = gate.changes(Timed((other,), document(other)))
    assert [(one.entry.operation, one.standing) for one in changes] == [
        ("forward", Standing.MISSING), ("update", Standing.NEW),
    ]
    held = gate.changes(Timed((timed(exemplar=around(2.0)), other), document(timed(exemplar=around(2.0)), other)))
    assert [one.standing for one in held] == [Standing.STEADY, Standing.NEW]
    assert replace(gate, saved=None).changes(Timed((), None)) == ()


@pytest.mark.parametrize(
    ("took", "standing"), [(None, Standing.STEADY), (1.1e-4, Standing.SLOWER), (9e-5, Standing.STEADY)]
)
def test_the_first_measurement_decides_the_allowance(took: float | None, standing: Standing) -> None:
    short = timed(9e-5, exemplar=around(2.2), rival=around(1.1))
    seconds = {} if took is None else {ENTRY: took}
    for saved_before in (None, of_document(document(timed(exemplar=around(2.0))))):
        [change] = Gate(0.03, saved_before).changes(Timed((short,), document(short)), seconds)
        assert change.standing is standing

"""The page of a timing run: verdict first, no colour within the noise, everything escaped."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from sparsecheck.features.bench.compare import Change, Saved, Standing
from sparsecheck.features.bench.page import BenchReport, is_significant, render_counts, render_html, render_markdown
from sparsecheck.features.bench.plots import Bar, Line, curves, forest
from sparsecheck.values.timing import Counts, Entry, Ratio, State, Timing

PLACE = {"torch": "2.13.0", "processor": "one <of> two"}
NOISE = Ratio(1.0, 0.98, 1.02, 1.0, 40)


def timed(name: str = "it", operation: str = "forward", size: str = "256x256", **ratios: Any) -> Timing:
    """Return a timing with these ratios, by comparison, and the noise."""
    counts = Counts({"aten.mul.Tensor": 2}, 1024, 512, 9)
    known: dict[Any, Ratio] = {"self": NOISE, **ratios}
    return Timing(Entry(name, operation, size), State.TIMED, median=1e-3, ratios=known, counts=counts)


def report(*timings: Timing, **rest: Any) -> BenchReport:
    saved = tuple(Saved(timing, PLACE) for timing in timings if timing.state is State.TIMED)
    return BenchReport(timings, saved, **rest)


CHANGE = Change(Entry("it", "forward", "256x256"), Standing.STEADY)
ABOVE, WITHIN = Ratio(1.5, 1.4, 1.6, 1.5, 40), Ratio(1.03, 1.01, 1.05, 1.03, 40)


def test_the_verdict_comes_first() -> None:
    one = report(timed(floor=ABOVE), Timing(Entry("it", "update", "256x256"), State.RAISED, "why"))
    assert one.verdict == "Timed, compared with nothing: 1 timed, 1 could not be timed, 0 not offered"
    slower = Change(Entry("it", "forward", "256x256"), Standing.SLOWER, "so", ABOVE)
    gated = report(timed(floor=ABOVE), changes=(slower,))
    assert gated.verdict == "FAILED: 1 slower (1 timed, 0 could not be timed, 0 not offered)"
    assert render_markdown(gated).splitlines()[2] == gated.verdict
    html = render_html(gated)
    assert html.index(gated.verdict) < html.index("<dl>")
    assert '<p class="verdict red">' in html
    assert '<td class="red">slower 1.5 [1.4, 1.6] so</td>' in html


def test_ratios_within_the_noise_have_no_colour() -> None:
    assert is_significant(timed(floor=ABOVE), ABOVE)
    assert not is_significant(timed(floor=WITHIN), WITHIN)
    html = render_html(report(timed(floor=ABOVE, dense=WITHIN)))
    assert '<td class="significant">1.5 [1.4, 1.6]</td>' in html
    assert "<td>1.03 [1.01, 1.05]</td>" in html
    within = render_html(report(timed(floor=WITHIN)))
    assert 'class="noise"' in within
    assert 'class="significant"' not in within


def test_ratios_below_the_noise_are_significant_too() -> None:
    below = Ratio(0.5, 0.4, 0.6, 0.5, 40)
    assert is_significant(timed(floor=below), below)


def test_names_and_messages_are_escaped() -> None:
    evil = '<script>alert("x")</script>'
    change = Change(Entry(evil, "forward", "256x256"), Standing.SLOWER, evil, ABOVE)
    raised = Timing(Entry(evil, "update", "256x256"), State.RAISED, evil)
    html = render_html(report(timed(evil, floor=ABOVE), timed(evil, size="1024x1024"), raised, changes=(change,)))
    assert "<script" not in html
    assert "one &lt;of&gt; two" in html
    assert not re.search(r"https?://|src=|@import", html)
    assert "<script" not in render_markdown(report(timed(evil, floor=ABOVE), changes=(change,))).replace("\\<", "")


def test_the_page_has_timed_and_untimed_entries() -> None:
    one = report(
        timed(floor=ABOVE), timed("other", "update", exemplar=ABOVE),
        Timing(Entry("it", "save", "256x256"), State.NOT_TIMED, "its process ended"),
    )
    html, markdown = render_html(one), render_markdown(one)
    for text in (html, markdown):
        assert "forward" in text
        assert "2 operators, 1024 B made, 512 B at once, 9 calls" in text
    assert "it:save/256x256/cpu: not timed: its process ended" in html
    assert markdown.count("| it | 256x256 | 1000.0 |") == 1


def test_curves_need_several_sizes_or_runs() -> None:
    small, large = timed(floor=ABOVE), timed(size="1024x1024", floor=ABOVE)
    assert report(small).scaling("forward") == ""
    assert "polyline" in report(small, large).scaling("forward")
    assert report(small).trend("forward") == ""
    assert "polyline" in report(small, earlier=((Saved(small, PLACE),),)).trend("forward")


def test_the_noise_is_described() -> None:
    off = Ratio(0.9, 0.8, 1.0, 0.9, 40)
    noisy = Timing(Entry("it", "update", "256x256"), State.TIMED, ratios={"self": off})
    noise = report(timed(), noisy, timed("other")).noise
    assert noise == "identical code differs by 0.0% in the median, by 10% at the most"
    assert report().noise == "not measured"


def test_counts_in_words() -> None:
    compiled = Timing(Entry("it", "compile", "256x256"), State.TIMED, counts=Counts(graphs=1, recompiles=2))
    assert render_counts(compiled) == "1 graphs, 0 breaks, 2 recompiles"
    assert render_counts(Timing(Entry("it", "trace", "256x256"), State.TIMED, counts=Counts())) == ""


@pytest.mark.parametrize("median", [0.5, 1.0, 40.0])
def test_a_bar_is_drawn_at_its_ratio(median: float) -> None:
    drawn = forest([Bar("it", median / 2, median, median * 2, True), Bar("one", 0.1, 1.0, 100.0, False)])
    places = [float(place) for place in re.findall(r'cx="([\d.]+)"', drawn)]
    ends = re.findall(r'class="(?:significant|noise)" x1="([\d.]+)" x2="([\d.]+)"', drawn)
    assert all(float(one) < place < float(two) for place, (one, two) in zip(places, ends, strict=True))
    assert (places[0] < places[1]) == (median < 1.0)


def test_a_curve_rises_with_its_values() -> None:
    drawn = curves([Line("it", ((256.0, 1.0), (1024.0, 100.0)))])
    [points] = re.findall(r'points="([^"]+)"', drawn)
    (x, y), (right, up) = (map(float, point.split(",")) for point in points.split())
    assert right > x
    assert up < y


def test_curve_names_do_not_overlap() -> None:
    drawn = curves([Line(f"it {number}", ((256.0, 1.0), (1024.0, 100.0 + number % 3))) for number in range(30)])
    places = sorted(float(place) for place in re.findall(r'class="end" x="[\d.]+" y="([\d.]+)"', drawn))
    assert len(places) == 30
    assert all(below - above >= 12.9 for above, below in itertools.pairwise(places))
    [height] = re.findall(r'<svg viewBox="0 0 \d+ ([\d.]+)"', drawn)
    assert places[-1] < float(height)


@pytest.mark.parametrize("least", [1e-6, 1e-4, 1e-2, 0.1])
def test_axis_numbers_do_not_overlap(least: float) -> None:
    drawn = forest([Bar("it", least, 1.0, 40.0, True)])
    places = [float(place) for place in re.findall(r'class="tick" x="([\d.]+)"', drawn)]
    assert len(places) > 2
    assert all(right - left >= 36 for left, right in itertools.pairwise(places))


def test_only_comparisons_that_occur_have_a_column() -> None:
    alone, gated = report(timed(floor=ABOVE)), report(timed(rival=WITHIN), changes=(CHANGE,))
    assert alone.columns == ("self", "floor")
    for made in (render_html(alone), render_markdown(alone)):
        assert "over floor" in made
        assert not re.search(r"over rival|over dense|<th>change|[|] change", made)
    for made in (render_html(gated), render_markdown(gated)):
        assert "over rival" in made
        assert "change" in made


def test_memory_is_shown() -> None:
    counts = Counts({"aten.mul.Tensor": 2}, 1024, 2_500_000, 9, held_bytes=1_000_000)
    entry = Entry("it", "update", "1024x1024")
    one = report(timed(), Timing(entry, State.TIMED, counts=counts, process_bytes=345_678_000))
    assert one.memory == [("it", "1024x1024", "1.000", "2.500", "345.678")]
    assert "| it | 1024x1024 | 1.000 | 2.500 | 345.678 |" in render_markdown(one)
    assert "345.678" in render_html(one)
    assert "<h2>memory" not in render_html(report(timed()))


def test_the_load_of_the_machine_is_shown() -> None:
    saved = tuple(Saved(timed(), PLACE, load) for load in (0.5, 2.0))
    one = BenchReport((timed(),), saved)
    assert one.load == "0.5 to 2.0"
    assert "load 0.5 to 2.0" in render_markdown(one)
    assert "<dd>0.5 to 2.0</dd>" in render_html(one)

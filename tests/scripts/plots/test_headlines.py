"""Headlines of charts: the winner, its sizes and gain, and what is not resolved."""

from pathlib import Path

import pytest
from chart_rows import BASELINE, GAINS, NATIVE, sweep
from charts.style import STYLES
from drawn import CHARTS, figures


def test_the_title_says_who_wins_from_where_by_how_much(text_of) -> None:
    gains = {BASELINE: (1, 1), NATIVE: (0.97, 1.81)}
    text = text_of("speedup_output", sweep(gains, loads=["balanced"]))
    assert f"{NATIVE} wins the output step from 64 tokens: 1.81× at 1024 (balanced)" in text


def test_a_second_winner_is_named_with_its_sizes(text_of) -> None:
    text = text_of("speedup_output", sweep(loads=["balanced"]))
    assert "1.81× at 1024, all_reduce_slice at 16 tokens only (balanced)" in text


def test_candidates_with_overlapping_intervals_are_tied(text_of) -> None:
    gains = {BASELINE: (1, 1), NATIVE: (1.3, 1.81), "reduce_scatterv_peer": (1.2, 1.80)}
    text = text_of("speedup_output", sweep(gains, loads=["hot"]))
    assert f"{NATIVE} leads the output step at every size: 1.81× at 1024, tied with" in text
    assert "wins" not in text


def test_no_strategy_beats_the_baseline(text_of) -> None:
    gains = {name: (1, 1) if name == BASELINE else (0.6, 0.9) for name in GAINS}
    text = text_of("speedup_output", sweep(gains))
    assert "No strategy beats the baseline in the output step (balanced, hot)" in text
    assert " wins " not in text


def test_an_interval_that_contains_1_is_not_resolved(charts) -> None:
    gains = {BASELINE: (1, 1), NATIVE: (1.01, 1.01), "all_reduce_slice": (0.8, 0.9)}
    text = charts(sweep(gains, loads=["balanced"], tokens=[64]))
    best = f"(best: {NATIVE}, 1.01× at 64 tokens)"
    assert f"Not resolved: no gain in the output step {best}" in text["speedup_output"]
    assert "Not resolved: no gain in the whole layer" in text["speedup_layer"]
    assert "(not resolved)" in text["latency"]


def test_a_speedup_without_an_interval_is_not_resolved(text_of) -> None:
    gains = {BASELINE: (1, 1), NATIVE: (1.5, 1.5)}
    no_interval = {"speedup_output_low": "", "speedup_output_high": ""}
    text = text_of("speedup_output", sweep(gains, loads=["hot"], **no_interval))
    assert "Not resolved: no gain in the output step" in text


def test_hollow_markers_are_exactly_the_unresolved_points(tmp_path: Path) -> None:
    gains = {BASELINE: (1, 1), NATIVE: (1.0, 1.06)}
    (chart, figure), *_ = figures(sweep(gains, loads=["balanced"]), tmp_path)
    assert chart.name == "speedup_output"
    hollow = [
        y for line in figure.axes[0].lines for y in line.get_ydata()
        if line.get_marker() == STYLES[NATIVE].marker and line.get_markerfacecolor() == "white"
    ]
    # 1.00 and 1.02 reach 1 with half-width 0.02, 1.04 and 1.06 do not.
    assert hollow == pytest.approx([1.0, 1.02])


def test_the_fastest_may_be_tied(text_of) -> None:
    gains = {BASELINE: (1, 1), NATIVE: (1.3, 1.81), "all_reduce_slice": (1.2, 1.80)}
    text = text_of("latency", sweep(gains, loads=["hot"]))
    assert f"{NATIVE} has the fastest output step at 1024 tokens (perhaps tied): " in text


def test_one_token_count(text_of) -> None:
    text = text_of("speedup_output", sweep(tokens=[1024], loads=["balanced"]))
    assert f"{NATIVE} wins the output step at 1024 tokens: 1.81× (balanced)" in text


def test_only_the_baseline(charts) -> None:
    texts = charts(sweep({BASELINE: (1, 1)}))
    assert set(texts) == set(CHARTS)
    assert "Only the baseline was timed in the output step" in texts["speedup_output"]

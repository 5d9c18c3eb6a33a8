"""Headlines of charts: one for a figure, computed from its rows, with what they are against."""

from pathlib import Path

import pytest
from chart_rows import BASELINE, GAINS, MPI, NATIVE, sweep, timed
from charts.style import STYLES
from drawn import CHARTS, figures

OTHER = "all_reduce_slice"


def test_it_says_what_is_faster_than_what_how_often_and_by_how_much(text_of) -> None:
    text = text_of("speedup_output", sweep({BASELINE: (1, 1), NATIVE: (0.97, 1.81)}))
    assert (f"The output step: {NATIVE} is faster than {MPI} in 6 of 8 cases and slower"
            " in 2; up to 1.81× (1024 tokens, balanced)") in text


def test_cases_of_all_panels_are_counted(text_of) -> None:
    rows = sweep({BASELINE: (1, 1), NATIVE: (1.2, 1.5)}, loads=["balanced"])
    rows += sweep({BASELINE: (1, 1), NATIVE: (0.5, 0.7)}, loads=["hot"], model="b")
    text = text_of("speedup_output", rows)
    assert "in 4 of 8 cases and slower in 4; up to 1.50× (1024 tokens, custom, balanced)" in text


def test_the_one_that_is_slower_nowhere_is_named(text_of) -> None:
    rows = sweep({BASELINE: (1, 1), NATIVE: (1.2, 1.3), OTHER: (0.9, 2.5)}, loads=["hot"])
    text = text_of("speedup_output", rows)
    assert f"{NATIVE} is faster than {MPI} in 4 of 4 cases; up to 1.30×" in text


def test_of_equals_the_one_with_the_largest_gain_is_named(text_of) -> None:
    rows = sweep({BASELINE: (1, 1), NATIVE: (1.2, 1.3), OTHER: (1.1, 1.4)}, loads=["hot"])
    assert f"{OTHER} is faster" in text_of("speedup_output", rows)


def test_the_reference_of_gpus_is_nccls_all_reduce(text_of) -> None:
    rows = sweep({BASELINE: (1, 1), NATIVE: (1.2, 1.3)}, backend="cuda")
    assert f"{NATIVE} is faster than NCCL's all-reduce + dp_scatter in 8 of 8 cases" in text_of(
        "speedup_output", rows)


def test_no_strategy_is_faster(charts) -> None:
    gains = {name: (1, 1) if name == BASELINE else (0.6, 0.9) for name in GAINS}
    texts = charts(sweep(gains))
    none = f"no strategy is resolved faster than {MPI} in any of 8 cases"
    assert f"The output step: {none}" in texts["speedup_output"]
    assert f"The whole layer: {none}" in texts["speedup_layer"]
    assert f"{BASELINE} has the fastest output step in 8 of 8 cases" in texts["latency"]
    assert "as fast as" not in texts["latency"]


def test_an_interval_that_contains_1_or_is_missing_is_not_resolved(charts) -> None:
    near = charts(sweep({BASELINE: (1, 1), NATIVE: (1.01, 1.01)}, loads=["hot"], tokens=[64]))
    assert "no strategy is resolved faster" in near["speedup_output"]
    assert "Not resolved: no strategy has the fastest output step in any of 1 case" in (
        near["latency"])
    no_interval = {"speedup_output_low": "", "speedup_output_high": ""}
    none = charts(sweep({BASELINE: (1, 1), NATIVE: (1.5, 1.5)}, **no_interval))
    assert "no strategy is resolved faster" in none["speedup_output"]


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
    gains = {BASELINE: (1, 1), NATIVE: (1.3, 1.81), OTHER: (1.2, 1.80)}
    text = text_of("latency", sweep(gains, loads=["hot"]))
    assert (f"{NATIVE} has the fastest output step in 4 of 4 cases, perhaps tied in 2; up to 1.81×"
            f" as fast as {MPI}") in text


def test_two_are_the_fastest_equally_often(text_of) -> None:
    rows = [row for load, fast, slow in (("balanced", NATIVE, OTHER), ("hot", OTHER, NATIVE))
            for row in sweep({BASELINE: (1, 1), fast: (1.5, 1.5), slow: (1.2, 1.2)},
                             tokens=[64], loads=[load])]
    text = text_of("latency", rows)
    assert f"{OTHER} and {NATIVE} have the fastest output step in 1 of 2 cases each" in text


def test_only_the_baseline(charts) -> None:
    texts = charts(sweep({BASELINE: (1, 1)}))
    assert set(texts) == set(CHARTS)
    assert f"Only {MPI} was timed in the output step" in texts["speedup_output"]


def test_of_several_references_there_is_one_word(text_of) -> None:
    rows = sweep({BASELINE: (1, 1), NATIVE: (1.2, 1.3)}, loads=["hot"])
    rows += [row | {"backend": "cuda"} for row in rows]
    assert "faster than the baseline in 8 of 8 cases" in text_of("speedup_output", rows)


def test_a_point_of_one_panel_alone_is_a_case(text_of) -> None:
    rows = sweep({BASELINE: (1, 1), NATIVE: (1.2, 1.3)}, loads=["balanced"], tokens=[16])
    rows.append(timed(OTHER, 32, "balanced", 2.0))
    assert f"{OTHER} is faster than the baseline in 1 of 2 cases" in text_of("speedup_output", rows)

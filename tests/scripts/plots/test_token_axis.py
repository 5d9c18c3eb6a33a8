"""Lines over token counts: marks, breaks, ticks, margins."""

import math
from pathlib import Path

from chart_rows import GAINS, NATIVE, sweep
from drawn import figures, maps


def test_marks_stand_at_their_token_counts(tmp_path: Path) -> None:
    """On a line that rises, beside them equal times looked like 1.6 times."""
    for chart, figure in figures(sweep(), tmp_path):
        if chart.name == "phases":
            continue
        for ax in figure.axes:
            lines = [line for line in ax.lines if line.get_label() in GAINS]
            assert {tuple(line.get_xdata()) for line in lines} == {(4, 6, 8, 10)}, chart.name
            ends = {x for bars in ax.collections for path in bars.get_paths()
                    for x in path.vertices[:, 0]}
            assert ends <= {4, 6, 8, 10}, chart.name


def test_a_line_breaks_where_a_strategy_has_no_time(tmp_path: Path) -> None:
    rows = [
        row for row in sweep(loads=["balanced"])
        if (row["combine"], row["tokens"]) != (NATIVE, 64)
    ]
    (_, figure), *_ = figures(rows, tmp_path)
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    missing = [math.isnan(y) for y in lines[NATIVE]]
    assert missing == [False, True, False, False]


def test_zero_tokens_stand_apart_from_the_line(tmp_path: Path) -> None:
    (_, figure), *_ = figures(sweep(tokens=(0, 16, 64), loads=["hot"]), tmp_path)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "16", "64"]
    lines = {line.get_label(): line.get_xdata() for line in axes.lines}
    assert [math.isnan(x) for x in lines[NATIVE]] == [True, False, False]


def test_mixed_loads_are_panels_beside_the_others(tmp_path: Path) -> None:
    rows = sweep(tokens=(16, 64), loads=("balanced", "idle:1"))
    rows += sweep(tokens=(68,), loads=("mixed:64:4",), phase="mixed")
    for chart, figure in figures(rows, tmp_path):
        # 68 stands so near that it would hide their own 64.
        ticks = {ax.get_label(): [tick.get_text() for tick in ax.get_xticklabels()]
                 for ax in figure.axes}
        dealt = ["16", "64"]
        assert ticks == {"balanced": dealt, "idle:1": dealt, "mixed:64:4": ["68"]}, chart.name
    ((_, winner_map),) = maps(rows, tmp_path)
    places = [tick.get_text() for tick in winner_map.axes[0].get_yticklabels()]
    assert places == ["balanced", "idle:1", "mixed:64:4"]


def test_lines_stay_inside_their_panels(tmp_path: Path) -> None:
    rows = sweep(tokens=(16, 64, 65, 256), loads=("balanced",))
    rows += sweep(tokens=(256,), loads=("mixed:256:0",), phase="mixed")
    rows += sweep(tokens=(15, 260), loads=("hot",))
    for chart, figure in figures(rows, tmp_path):
        for ax in figure.axes:
            low, high = ax.get_xlim()
            places = [x for line in ax.lines if line.get_label() in GAINS
                      for x in line.get_xdata()]
            assert all(low < x < high for x in places), chart.name

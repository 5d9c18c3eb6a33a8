"""Which rows share a figure, a panel and a line: settings, loads, launches."""

from pathlib import Path

import moe_results
import pytest
from chart_rows import BASELINE, NATIVE, sweep
from drawn import CHARTS, figures
from results_csv import HEADER, write_csv


def test_speed_ups_against_two_baselines_are_never_joined(text_of) -> None:
    rows = sweep(loads=("balanced",))
    other = [row | {"run_id": "r2", "is_baseline": str(row["combine"] == NATIVE).lower()}
             for row in rows]
    text = text_of("speedup_output", [*rows, *other])
    assert f"against {BASELINE}" in text and f"against {NATIVE}" in text
    assert "one launch" in text


def test_late_ranks_are_a_setting_and_older_files_have_none(text_of, tmp_path: Path) -> None:
    rows = sweep(loads=("balanced",))
    late = [row | {"case_id": "late", "skew_us": "50"} for row in rows]
    text = text_of("speedup_output", [*(row | {"skew_us": "0"} for row in rows), *late])
    assert "skew_us 50" in text and "skew us 0, 50" in text
    older = write_csv(tmp_path / "older.csv", rows, [name for name in HEADER if name != "skew_us"])
    newer = write_csv(tmp_path / "newer.csv", [row | {"skew_us": "0"} for row in rows])
    joined = moe_results.join_launches(moe_results.read_results([older, newer]))
    assert {row["launch_count"] for row in joined} == {2}


def test_charts_of_synthetic_traffic_say_so(charts) -> None:
    rows = sweep(loads=("balanced",))
    assert "steps source" not in charts(rows)["speedup_output"]
    text = charts([row | {"steps_source": "synthetic traffic isl=9"} for row in rows])
    assert "steps source synthetic traffic isl=9" in text["speedup_output"]


def test_graphs_one_by_one_and_chained_are_never_joined(charts) -> None:
    """Rows of one case_id, by programs from before and with chains."""
    rows = [row | {"graph": "on"} for row in sweep(loads=("balanced",))]
    text = charts([*rows, *(row | {"run_id": "r2", "mode": "chained"} for row in rows)])
    for name in ("speedup_output", "latency"):
        assert "mode chained, balanced" in text[name] and "mode isolated, balanced" in text[name]
        assert "one launch" in text[name]


def test_a_mixed_load_is_a_setting_where_others_have_phases(charts) -> None:
    mixed = sweep(tokens=(68,), loads=("mixed:64:4",), phase="mixed")
    texts = charts([*sweep(loads=("balanced",), phase="decode"), *mixed])
    for title in ("phase decode, balanced", "phase mixed, mixed:64:4"):
        assert title in texts["speedup_output"]


def test_a_few_settings_are_rows_of_panels(text_of) -> None:
    rows = sweep(model="a", hidden=512) + sweep(model="b", hidden=4096)
    text = text_of("speedup_output", rows)
    assert all(label in text for label in ("a, balanced", "a, hot", "b, balanced", "b, hot"))
    assert "model a, b; hidden 512, 4096" in text


def test_many_settings_are_figures_of_their_own(charts) -> None:
    rows = [row for dp in (1, 2, 4, 8, 16) for row in sweep(dp=dp, tokens=[16], loads=["hot"])]
    names = {f"{chart}-dp-{dp}" for chart in CHARTS for dp in (1, 2, 4, 8, 16)}
    assert set(charts(rows)) == names


def test_launches_of_a_cell_are_joined(tmp_path: Path, text_of) -> None:
    peaks = (1.2, 1.9, 1.5, 1.6, 1.4, 1.7, 1.3)
    rows = [
        row
        for launch, peak in enumerate(peaks)
        for row in sweep({BASELINE: (1, 1), NATIVE: (peak, peak)}, loads=["hot"], launch=launch)
    ]
    text = text_of("speedup_output", rows)
    assert "in 4 of 4 cases; up to 1.50×" in text
    assert "7 launches: medians and 95 % intervals over launches" in text
    (_, figure), *_ = figures(rows, tmp_path)
    [bars] = figure.axes[0].collections
    assert {tuple(path.vertices[:, 1]) for path in bars.get_paths()} == {(1, 1), (1.2, 1.9)}


def test_few_launches_span_their_own_intervals(text_of) -> None:
    rows = [row for launch in range(2) for row in sweep(launch=launch)]
    assert "2 launches: medians over launches, bars span" in text_of("speedup_output", rows)


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "results.csv", sweep())
    assert len(moe_results.read_results([file, tmp_path])) == len(sweep())
    other = write_csv(tmp_path / "other.csv", sweep())
    assert len(moe_results.read_results([file, other])) == 2 * len(sweep())


@pytest.mark.parametrize(("count", "rank"), [(0, 0), (5, 0), (6, 1), (8, 1), (9, 2), (12, 3)])
def test_order_statistic_rank(count: int, rank: int) -> None:
    """From tables of the sign test at 5 %, two-sided."""
    assert moe_results.order_statistic_rank(count) == rank

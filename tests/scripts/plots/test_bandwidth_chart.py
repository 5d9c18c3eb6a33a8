"""Tests of the bandwidth chart, on the rows that it is drawn from and on what is drawn."""

from collections.abc import Iterable
from pathlib import Path

import moe_results
import pytest
from charts.bandwidth import LIMIT_LINE, BandwidthChart, limit_by_tokens
from charts.figure import draw
from charts.figures import Page, make_pages
from charts.format import bandwidth_text
from drawn import figure_text
from matplotlib.figure import Figure
from results_csv import write_csv

BASELINE, NATIVE = "all_reduce_dp_scatter", "reduce_scatterv_native"
LIMIT_US = 10.0
SETTINGS = {
    "schema_version": 1, "run_id": "r1", "launch": 1, "case_id": "c", "backend": "host",
    "device": "EPYC", "claim": "memory", "hosts": 1, "ranks": 2, "ranks_per_device": 1,
    "model": "custom", "hidden": 1024, "experts": 16, "routing": "uniform", "padding": "sum_len",
    "dp": 2, "attn_tp": 1, "ep": 2, "moe_tp": 1, "gather": "all_reduce_zero_fill",
    "dtype": "bf16", "graph": "off", "scope": "output", "layers": 1, "planted_pct": 0,
    "verified": "true", "load": "balanced",
}

Row = dict[str, object]


def timed(combine: str, tokens: int, us: float, **changes: object) -> Row:
    """1024 bytes of the contract for each token, over `us`."""
    return SETTINGS | {
        "combine": combine, "tokens": tokens, "is_baseline": str(combine == BASELINE).lower(),
        "output_us_median": us, "combine_us_median": us, "busbw_gbps": 1.024 * tokens / us,
        "contract_limit_us": LIMIT_US,
    } | changes


def sweep(**changes: object) -> list[Row]:
    times = {BASELINE: 80, NATIVE: 20}
    return [timed(combine, tokens, us, **changes)
            for tokens in (16, 256) for combine, us in times.items()]


def page_of(rows: Iterable[Row], tmp_path: Path) -> Page:
    file = write_csv(tmp_path / "results.csv", rows)
    return make_pages(moe_results.read_results([file]))[0]


def chart_of(rows: Iterable[Row], tmp_path: Path) -> Figure | None:
    return draw(page_of(rows, tmp_path), BandwidthChart())


def limits_drawn(figure: Figure) -> list[tuple[float, float]]:
    """Points of the limit's line."""
    return [tuple(point) for line in figure.axes[0].lines
            if line.get_label() == LIMIT_LINE["label"] for point in line.get_xydata()]


def test_the_limit_is_the_contracts_bytes_over_its_time(tmp_path: Path) -> None:
    panel = page_of(sweep(), tmp_path).grid[0][0]
    limits = limit_by_tokens(panel.rows)
    assert dict(limits) == pytest.approx({16: 1.6384, 256: 26.2144})
    figure = chart_of(sweep(), tmp_path)
    assert dict(limits_drawn(figure)) == pytest.approx({4: 1.6384, 8: 26.2144})
    assert LIMIT_LINE["label"] in [text.get_text() for text in figure.legends[0].get_texts()]


def test_says_who_moves_most_and_how_much_of_what_is_possible(tmp_path: Path) -> None:
    text = figure_text(chart_of(sweep(), tmp_path))
    assert (f"{NATIVE} has the most bus bandwidth, 13.1 GB/s (256 tokens, balanced): 50 % of the"
            " contract's limit") in text


def test_the_panel_with_the_most_is_named(tmp_path: Path) -> None:
    other = [timed(BASELINE, 256, 10, load="hot"), timed(NATIVE, 256, 40, load="hot")]
    text = figure_text(chart_of(sweep() + other, tmp_path))
    assert f"{BASELINE} has the most bus bandwidth, 26.2 GB/s (256 tokens, hot)" in text


def test_launches_are_joined_in_both(tmp_path: Path) -> None:
    rows = [timed(NATIVE, 64, us, run_id=f"r{us}", contract_limit_us=limit)
            for us, limit in ((10, 4), (20, 8), (40, 5))]
    joined = page_of(rows, tmp_path).grid[0][0].rows
    assert list(joined["busbw_gbps"]) == pytest.approx([1.024 * 64 / 20])
    assert list(limit_by_tokens(joined)) == pytest.approx([1.024 * 64 / 5])


def test_results_without_limits_have_no_line_of_one(tmp_path: Path) -> None:
    figure = chart_of(sweep(contract_limit_us=""), tmp_path)
    assert limits_drawn(figure) == []
    assert "limit" not in figure_text(figure)


def test_nothing_is_drawn_where_nothing_crosses_a_bus(tmp_path: Path) -> None:
    assert chart_of(sweep(ranks=1, busbw_gbps=0), tmp_path) is None
    assert chart_of(sweep(busbw_gbps="", combine_us_median=""), tmp_path) is None
    idle = [timed(BASELINE, 0, 5, busbw_gbps=0, contract_limit_us="")]
    assert [tokens for tokens, _ in limits_drawn(chart_of(sweep() + idle, tmp_path))] == [4, 8]


@pytest.mark.parametrize(("gbps", "text"), [
    (0.0123, "12.3 MB/s"), (0.9994, "999 MB/s"), (0.9996, "1 GB/s"), (3.14159, "3.14 GB/s"),
    (123.4, "123 GB/s"),
])
def test_bandwidth_texts(gbps: float, text: str) -> None:
    assert bandwidth_text(gbps) == text

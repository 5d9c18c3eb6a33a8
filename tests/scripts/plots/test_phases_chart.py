"""The chart of phases: shares, the strategies shown, rows without phases."""

import math

import pandas as pd
import pytest
from chart_rows import BASELINE, MPI, NATIVE, sweep
from charts.format import percent_text
from charts.phases import phase_split
from charts.style import PHASES
from results_csv import HEADER


def test_the_phases_title_states_the_share_of_the_combine(text_of) -> None:
    phases = dict.fromkeys(PHASES, 0.0) | {"experts_us_median": 60, "combine_us_median": 40}
    rows = sweep(loads=["balanced"], **phases)
    for row in rows:
        if row["tokens"] == 1024:
            row["combine_us_median"] = 1
    text = text_of("phases", rows)
    assert (f"The combine takes 1.6 % to 40 % of the layer with {MPI} (174 µs to 3.6 ms);"
            f" right bars: {NATIVE}") in text


def test_a_small_share_is_not_printed_as_none(text_of) -> None:
    phases = dict.fromkeys(PHASES, 0.0) | {"experts_us_median": 10_000, "combine_us_median": 3}
    text = text_of("phases", sweep(**phases))
    assert f"The combine takes 0.03 % of the layer with {MPI}" in text


@pytest.mark.parametrize(
    ("percent", "text"),
    [(0, "0 %"), (0.004, "<0.01 %"), (0.005, "0.01 %"), (0.031, "0.03 %"), (0.094, "0.09 %"),
     (0.096, "0.1 %"), (1.64, "1.6 %"), (9.94, "9.9 %"), (9.96, "10 %"), (40, "40 %")],
)
def test_percent_text(percent: float, text: str) -> None:
    assert percent_text(percent) == text


@pytest.mark.parametrize(
    ("forms", "shown"),
    [({}, NATIVE), ({"form": ""}, "all_reduce_slice"),
     ({"form": "reduce_scatter"}, "all_reduce_slice")],
    ids=("as_they_are", "of_an_older_file", "not_by_name"),
)
def test_the_phases_of_the_best_reduce_scatter_are_shown(forms, shown, text_of) -> None:
    gains = {BASELINE: (1, 1), "all_reduce_slice": (2, 2), NATIVE: (1.2, 1.2)}
    text = text_of("phases", sweep(gains, loads=["balanced"], **forms))
    assert f"right bars: {shown}" in text


def test_a_fused_strategy_shows_its_output_step_as_the_combine(text_of) -> None:
    fused = "reduce_scatterv_fused"
    rows = sweep({BASELINE: (1, 1), fused: (1.5, 2.5)}, loads=["hot"])
    for row in rows:
        if row["combine"] == fused:
            row |= {"combine_us_median": "", "local_combine_us_median": ""}
    text = text_of("phases", rows)
    assert f"right bars: {fused}" in text and "A fused combine holds the local one" in text
    empty = dict.fromkeys(PHASES, math.nan)
    split = phase_split(pd.DataFrame([empty | {"output_us_median": 7.0}])).iloc[0]
    assert split["combine_us_median"] == 7.0 == split.sum()


IN_GRAPH = {name: "" for name in HEADER if name in PHASES and name != "combine_us_median"}


def test_rows_of_graphs_are_not_in_the_phases_chart(text_of, capsys) -> None:
    graphs = sweep(loads=("balanced",), graph="on", mode="chained", **IN_GRAPH)
    text = text_of("phases", [*sweep(loads=("balanced",)), *graphs])
    assert "100 %" not in text and "mode chained" not in text
    assert "graph on: not in this chart, a layer in a graph has no phases" in text
    assert "graph off" in text and "graph off, on" not in text


def test_of_graphs_alone_there_is_no_phases_chart(charts, capsys) -> None:
    texts = charts(sweep(loads=("balanced",), graph="on", mode="chained", **IN_GRAPH))
    assert "phases" not in texts and "speedup_layer" in texts
    assert "phases: not drawn, no row has phases" in capsys.readouterr().out

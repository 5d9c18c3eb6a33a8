"""The winner of a cell of the map, and cells without a time."""

import math

import pytest
from charts.style import STYLES
from charts.winner_map import WinnerMap
from charts.figure import draw
from map_rows import BASELINE, NATIVE, SLICE, case, figure_texts, stuck, sweep, the_cells, timed
from matplotlib.colors import to_rgb


def test_the_strategy_with_the_least_time_wins_its_cell(map_of) -> None:
    rows = case(16, {SLICE: 1.2, NATIVE: 1.45}) + case(64, {SLICE: 1.3, NATIVE: 0.8})
    rows += case(16, {SLICE: 1.1, NATIVE: 1.05}, load="hot")
    rows += case(64, {SLICE: 0.8, NATIVE: 0.9}, load="hot")
    cells = the_cells(map_of(rows))
    assert cells["winner"].to_dict() == {
        (16, "balanced"): NATIVE, (64, "balanced"): SLICE,
        (16, "hot"): SLICE, (64, "hot"): BASELINE,
    }
    assert list(cells["kind"]) == ["won"] * 4
    assert cells["speedup"].to_dict() == pytest.approx({
        (16, "balanced"): 1.45, (64, "balanced"): 1.3, (16, "hot"): 1.1, (64, "hot"): 1.0,
    })
    assert cells.loc[(64, "hot"), "baseline"] and not cells.loc[(16, "hot"), "baseline"]


def test_the_time_decides_not_the_speedup(map_of) -> None:
    rows = sweep("load", ["balanced", "hot"])
    for row in rows:
        if row["combine"] == SLICE:
            row["output_us_median"] = 1.0
    cells = the_cells(map_of(rows))
    assert set(cells["winner"]) == {SLICE} and set(cells["speedup"]) == {1.1}


def test_an_interval_that_is_not_above_1_is_not_resolved(map_of) -> None:
    rows = case(16, {NATIVE: 1.02}, half=0.03) + case(64, {NATIVE: 1.02}, half=0.01)
    rows += case(16, {NATIVE: 1.02}, half=0.02, load="hot")
    rows += case(64, {NATIVE: 1.5}, load="hot", speedup_output_low="", speedup_output_high="")
    one = map_of(rows)
    kinds = the_cells(one)["kind"].to_dict()
    assert kinds == {
        (16, "balanced"): "unresolved", (64, "balanced"): "won", (16, "hot"): "unresolved",
        (64, "hot"): "unresolved",
    }
    texts = figure_texts(one)
    assert texts.count("~1.02") == 2 and "1.02" in texts and "~1.50" in texts


def test_hatched_cells_are_exactly_the_unresolved_ones(map_of) -> None:
    rows = case(16, {NATIVE: 1.02}, half=0.03) + case(64, {NATIVE: 1.5})
    rows += case(16, {NATIVE: 0.5}, load="hot") + case(64, {SLICE: 1.5}, load="hot")
    figure = draw(map_of(rows), WinnerMap())
    drawn = [(patch.get_hatch(), patch.get_facecolor()[:3]) for patch in figure.axes[0].patches]
    fills = [to_rgb(STYLES[name].fill) for name in (NATIVE, BASELINE, NATIVE, SLICE)]
    assert [hatch for hatch, _ in drawn] == ["///", None, None, None]
    assert [face for _, face in drawn[1:]] == [fills[1], fills[2], fills[3]]
    assert drawn[0][1] == pytest.approx([1 - 0.3 * (1 - part) for part in fills[0]], abs=0.01)


def test_a_fastest_strategy_that_loses_by_rounds_is_not_resolved(map_of) -> None:
    rows = sweep("load", ["balanced", "hot"])
    for row in rows:
        if row["combine"] == NATIVE:
            row |= {"speedup_output": 0.9, "speedup_output_low": 0.8, "speedup_output_high": 0.95}
    assert set(the_cells(map_of(rows))["kind"]) == {"unresolved"}


def test_candidates_that_reach_the_winners_interval_are_marked(map_of) -> None:
    rows = case(16, {SLICE: 1.47, NATIVE: 1.5}) + case(64, {SLICE: 1.4, NATIVE: 1.5})
    rows += case(16, {NATIVE: 0.99}, load="hot") + case(64, {NATIVE: 0.9}, load="hot")
    one = map_of(rows)
    assert the_cells(one)["tied"].to_dict() == {
        (16, "balanced"): True, (64, "balanced"): False, (16, "hot"): False, (64, "hot"): False,
    }
    assert {"1.50*", "1.50", "~1", "1"} <= set(figure_texts(one))


def test_a_baseline_that_a_candidate_may_beat_has_not_won(map_of) -> None:
    rows = case(16, {SLICE: 0.8, NATIVE: 0.99}) + case(64, {SLICE: 0.8, NATIVE: 0.9})
    rows += case(16, {NATIVE: 0.5}, load="hot") + case(64, {NATIVE: 0.5}, load="hot")
    assert the_cells(map_of(rows))["kind"].to_dict() == {
        (16, "balanced"): "unresolved", (64, "balanced"): "won",
        (16, "hot"): "won", (64, "hot"): "won",
    }


def test_launches_of_a_cell_are_joined(map_of) -> None:
    """In the median native is the slower one, though it is the fastest in one launch."""
    rows = [
        row
        for launch, peak in enumerate((2.0, 1.1, 1.2))
        for load in ("balanced", "hot")
        for tokens in (16, 64)
        for row in case(tokens, {SLICE: 1.4, NATIVE: peak}, launch=launch, run_id=f"r{launch}",
                        seed=launch, load=load)
    ]
    cells = the_cells(map_of(rows))
    assert set(cells["winner"]) == {SLICE} and len(cells) == 4
    # Fewer than six launches: the interval spans theirs, and native's reaches 2.02.
    assert all(cells["tied"])


def test_launches_that_disagree_are_not_resolved(map_of) -> None:
    rows = [
        row
        for launch, peak in enumerate((0.9, 1.2, 1.3))
        for load in ("balanced", "hot")
        for tokens in (16, 64)
        for row in case(tokens, {NATIVE: peak}, launch=launch, load=load)
    ]
    cells = the_cells(map_of(rows))
    assert set(cells["kind"]) == {"unresolved"} and set(cells["speedup"]) == {1.2}


def test_without_a_baseline_there_is_a_winner_and_no_number(map_of) -> None:
    none = {"speedup_output": "", "speedup_output_low": "", "speedup_output_high": ""}
    rows = sweep("load", ["balanced", "hot"])
    rows += [timed(NATIVE, 256, 2.0, load="hot", **none)]
    one = map_of(rows)
    cell = the_cells(one).loc[(256, "hot")]
    assert (cell["winner"], cell["kind"]) == (NATIVE, "unresolved") and math.isnan(cell["speedup"])
    assert "~" in figure_texts(one)


def test_a_cell_with_obstacles_only_is_blank_and_the_caption_says_why(map_of) -> None:
    rows = sweep("load", ["balanced", "hot"])
    rows += [stuck(name, 256, "too large", load="hot") for name in (BASELINE, NATIVE)]
    one = map_of(rows)
    assert len(the_cells(one)) == 4
    assert f"left out: {BASELINE}, {NATIVE}: too large (2 rows)" in figure_texts(one)


def test_an_obstacle_beside_a_time_leaves_the_cell_alone(map_of) -> None:
    rows = sweep("load", ["balanced", "hot"])
    rows.append(stuck("reduce_scatterv_peer", 16, "no peers"))
    assert len(the_cells(map_of(rows))) == 4


def test_wrong_and_planted_rows_win_nothing(map_of) -> None:
    rows = sweep("load", ["balanced", "hot"])
    rows.append(timed("reduce_scatterv_peer", 16, 9.0, verified="false"))
    rows.append(timed("reduce_scatterv_push", 16, 9.0, planted_pct=30, no_verdict="planted"))
    rows.append(timed("reduce_scatterv_push", 256, 9.0, planted_pct=30, no_verdict="planted"))
    cells = the_cells(map_of(rows))
    assert set(cells["winner"]) == {NATIVE} and len(cells) == 4


def test_a_disturbed_case_has_no_winner(map_of) -> None:
    rows = sweep("load", ["balanced", "hot"])
    for row in rows:
        row["no_verdict"] = "disturbed" if (row["tokens"], row["load"]) == (16, "hot") else ""
    cells = the_cells(map_of(rows))
    assert dict(cells["kind"]) == {
        (16, "balanced"): "won", (64, "balanced"): "won", (64, "hot"): "won",
        (16, "hot"): "unresolved"}

"""Tests of the winner map, on the tables it is drawn from; the figures only have to appear."""

import csv
import itertools
import math
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

import moe_results  # noqa: E402
import plot  # noqa: E402
from charts.style import LOOKS, look_of  # noqa: E402
from charts.winner_map import draw_map, why_numbers  # noqa: E402
from charts.winners import Map, make_maps, winner_counts, winners_text  # noqa: E402

GOLDEN = Path(__file__).resolve().parents[1] / "golden/results_header.csv"
HEADER = GOLDEN.read_text().strip().split(",")
BASELINE, SLICE, NATIVE = "all_reduce_dp_scatter", "all_reduce_slice", "reduce_scatterv_native"
BASE_US = 100.0
SETTINGS = {
    "schema_version": 1, "run_id": "r1", "launch": 0, "case_id": "c", "backend": "host",
    "device": "EPYC", "claim": "memory", "hosts": 1, "ranks": 8, "ranks_per_device": 1,
    "model": "custom", "hidden": 1024, "experts": 16, "routing": "uniform", "padding": "sum_len",
    "dp": 8, "attn_tp": 1, "ep": 8, "moe_tp": 1, "gather": "all_reduce_zero_fill",
    "dtype": "bf16", "graph": "off", "scope": "output", "layers": 1, "planted_pct": 0,
    "verified": "true", "load": "balanced",
}

Row = dict[str, object]


def timed(combine: str, tokens: int, speedup: float, half: float = 0.02, **changes: object) -> Row:
    """A row whose output step is the baseline's over the speed-up; half: of its interval."""
    output = BASE_US / speedup
    if combine == BASELINE:
        half = 0
    return SETTINGS | {
        "combine": combine, "tokens": tokens, "output_us_median": output,
        "is_baseline": "true" if combine == BASELINE else "false",
        "output_us_low": output, "output_us_high": output, "speedup_output": speedup,
        "speedup_output_low": speedup - half, "speedup_output_high": speedup + half,
    } | changes


def stuck(combine: str, tokens: int, why: str, **changes: object) -> Row:
    return SETTINGS | {
        "combine": combine, "tokens": tokens, "obstacle": why, "verified": "",
        "is_baseline": "true" if combine == BASELINE else "false",
    } | changes


def case(
    tokens: int, speedups: dict[str, float], half: float = 0.02, **changes: object
) -> list[Row]:
    rivals = [timed(name, tokens, speedup, half, **changes) for name, speedup in speedups.items()]
    return [timed(BASELINE, tokens, 1.0, **changes), *rivals]


def sweep(column: str, values: Iterable[object], **changes: object) -> list[Row]:
    """A case that native wins for two token counts and each value of the column."""
    cells = itertools.product((16, 64), values)
    return [
        row
        for tokens, value in cells
        for row in case(tokens, {SLICE: 1.1, NATIVE: 1.5}, **(changes | {column: value}))
    ]


def write_csv(file: Path, rows: Iterable[Row]) -> Path:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, HEADER, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return file


@pytest.fixture
def maps_of(tmp_path: Path):
    def maps(rows: Iterable[Row]) -> list[Map]:
        return make_maps(moe_results.read_results([write_csv(tmp_path / "results.csv", rows)]))

    return maps


@pytest.fixture
def map_of(maps_of):
    def only(rows: Iterable[Row]) -> Map:
        (one,) = maps_of(rows)
        return one

    return only


def the_cells(one: Map):
    """The cells of the only panel, by tokens and place."""
    (cells,) = one.cells.values()
    assert not cells.duplicated(["tokens", "place"]).any()
    return cells.set_index(["tokens", "place"])


def figure_texts(one: Map) -> list[str]:
    return [text.get_text() for text in draw_map(one).findobj(Text) if text.get_text()]


# --- Who wins -----------------------------------------------------------------------------------


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
    figure = draw_map(map_of(rows))
    drawn = [(patch.get_hatch(), patch.get_facecolor()[:3]) for patch in figure.axes[0].patches]
    fills = [to_rgb(LOOKS[name].fill) for name in (NATIVE, BASELINE, NATIVE, SLICE)]
    assert [hatch for hatch, _ in drawn] == ["///", None, None, None]
    assert [face for _, face in drawn[1:]] == [fills[1], fills[2], fills[3]]
    assert drawn[0][1] == pytest.approx([1 - 0.3 * (1 - part) for part in fills[0]], abs=0.01)


def test_a_fastest_strategy_that_loses_by_rounds_is_not_resolved(map_of) -> None:
    rows = sweep("load", ["balanced", "hot"])
    for row in rows:
        if row["combine"] == NATIVE:
            row |= {"speedup_output": 0.9, "speedup_output_low": 0.8, "speedup_output_high": 0.95}
    assert set(the_cells(map_of(rows))["kind"]) == {"unresolved"}


def test_rivals_that_reach_the_winners_interval_are_marked(map_of) -> None:
    rows = case(16, {SLICE: 1.47, NATIVE: 1.5}) + case(64, {SLICE: 1.4, NATIVE: 1.5})
    rows += case(16, {NATIVE: 0.99}, load="hot") + case(64, {NATIVE: 0.9}, load="hot")
    one = map_of(rows)
    assert the_cells(one)["tied"].to_dict() == {
        (16, "balanced"): True, (64, "balanced"): False, (16, "hot"): False, (64, "hot"): False,
    }
    assert {"1.50*", "1.50", "~1", "1"} <= set(figure_texts(one))


def test_a_baseline_that_a_rival_may_beat_has_not_won(map_of) -> None:
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


# --- Cells without a time -----------------------------------------------------------------------


def test_a_cell_with_obstacles_only_is_empty_and_says_why(map_of) -> None:
    rows = sweep("load", ["balanced", "hot"])
    # As the program writes them: what does not divide has no attn_tp and no moe_tp.
    rows += [stuck(name, 256, "too large", load="hot", attn_tp="", moe_tp="")
             for name in (BASELINE, NATIVE)]
    one = map_of(rows)
    cells = the_cells(one)
    assert one.tokens == [16, 64, 256] and len(cells) == 5
    assert tuple(cells.loc[(256, "hot"), ["kind", "why"]]) == ("empty", "too large")
    assert why_numbers(one.cells.values()) == {"too large": 1}
    texts = figure_texts(one)
    assert texts.count("[1]") == 1 and "[1] no time: too large" in texts


def test_an_obstacle_beside_a_time_leaves_the_cell_alone(map_of) -> None:
    rows = sweep("load", ["balanced", "hot"])
    rows.append(stuck("reduce_scatterv_peer", 16, "no peers"))
    cells = the_cells(map_of(rows))
    assert len(cells) == 4 and cells["why"].isna().all()


def test_a_topology_that_does_not_divide_is_a_row_without_times(map_of) -> None:
    rows = sweep("dp", [2, 8])
    rows += [stuck(BASELINE, tokens, "dp 3 does not divide 8", dp=3, attn_tp="", claim="")
             for tokens in (16, 64)]
    one = map_of(rows)
    assert (one.title, one.places) == ("dp", ["2", "3", "8"])
    assert [the_cells(one).loc[(16, dp), "kind"] for dp in one.places] == ["won", "empty", "won"]


def test_wrong_and_planted_rows_win_nothing(map_of) -> None:
    rows = sweep("load", ["balanced", "hot"])
    rows.append(timed("reduce_scatterv_peer", 16, 9.0, verified="false"))
    rows.append(timed("reduce_scatterv_push", 16, 9.0, planted_pct=30, no_verdict="planted"))
    rows.append(timed("reduce_scatterv_push", 256, 9.0, planted_pct=30, no_verdict="planted"))
    cells = the_cells(map_of(rows))
    assert set(cells["winner"].dropna()) == {NATIVE}
    assert "planted" in cells.loc[(256, "balanced"), "why"]


def test_a_disturbed_case_has_no_winner(map_of) -> None:
    rows = sweep("load", ["balanced", "hot"])
    for row in rows:
        row["no_verdict"] = "disturbed" if (row["tokens"], row["load"]) == (16, "hot") else ""
    cells = the_cells(map_of(rows))
    assert dict(cells["kind"]) == {
        (16, "balanced"): "won", (64, "balanced"): "won", (64, "hot"): "won",
        (16, "hot"): "unresolved"}


# --- Axes, panels, pages ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "values", "title"),
    [
        ("hidden", ["512", "1024"], "hidden"), ("dp", ["2", "8"], "dp"), ("ep", ["2", "8"], "ep"),
        ("load", ["balanced", "zipf:2", "zipf:12", "hot"], "load"),
        ("routing", ["uniform", "zipf:1"], "routing"),
        ("padding", ["max_len", "sum_len"], "padding"),
        ("phase", ["decode", "prefill"], "phase"), ("layers", ["2", "10"], "layers"),
        ("model", ["a", "b"], "model"), ("dtype", ["bf16", "f32"], "dtype"),
        ("gather", ["all_gatherv", "all_reduce_zero_fill"], "gather"),
    ],
)
def test_what_varies_is_the_second_axis_in_its_order(map_of, column, values, title) -> None:
    one = map_of(sweep(column, reversed(values)))
    assert (one.title, one.places, one.tokens) == (title, values, [16, 64])
    assert len(the_cells(one)) == 2 * len(values)


def test_mixed_loads_alone_are_no_map(maps_of) -> None:
    loads = {"mixed:16:1": 23, "mixed:64:1": 71}
    mixed = [row for load, tokens in loads.items()
             for row in case(tokens, {NATIVE: 1.5}, load=load, phase="mixed")]
    assert maps_of(mixed) == []
    (one,) = maps_of([*sweep("load", ("balanced", "idle:1")), *mixed])
    assert one.places == ["balanced", "idle:1", *loads] and one.tokens == [16, 23, 64, 71]
    prefill = sweep("load", ("balanced", "idle:1"), phase="prefill")
    (one,) = maps_of([*prefill, *mixed])
    assert one.tokens == [16, 23, 64, 71] and len(one.cells) == 2, "a panel for each phase"


def test_the_first_that_varies_is_the_axis_and_the_others_are_panels(map_of) -> None:
    rows = [row for dp in (2, 8) for dtype in ("bf16", "f32")
            for row in sweep("load", ["balanced", "hot"], dp=dp, dtype=dtype)]
    one = map_of(rows)
    assert (one.title, one.places) == ("dp", ["2", "8"])
    assert list(one.cells) == ["bf16, balanced", "bf16, hot", "f32, balanced", "f32, hot"]
    assert all(len(cells) == 4 for cells in one.cells.values())


def test_two_sizes_that_vary_together_are_one_axis(map_of) -> None:
    rows = sweep("dp", [2], ep=2) + sweep("dp", [2, 8], ep=8)
    one = map_of(rows)
    assert (one.title, one.places) == ("topology", ["dp 2, ep 2", "dp 2, ep 8", "dp 8, ep 8"])


def test_the_hidden_size_of_a_model_is_no_axis_of_its_own(map_of) -> None:
    one = map_of(sweep("model", ["a"], hidden=512) + sweep("model", ["b"], hidden=4096))
    assert (one.title, one.places) == ("model", ["a", "b"])


def test_with_the_load_as_the_axis_other_settings_are_panels(map_of) -> None:
    rows = sweep("load", ["balanced", "hot"]) + sweep("load", ["balanced", "hot"], dtype="f32")
    one = map_of(rows)
    assert one.title == "load" and list(one.cells) == ["bf16, all loads", "f32, all loads"]


def test_graphs_one_by_one_and_chained_are_panels(map_of) -> None:
    """Of one case_id, and no axis: they are not compared."""
    modes = [{"graph": "on", "mode": mode} for mode in ("isolated", "chained")]
    rows = [row for mode in modes for row in sweep("hidden", (1024, 2048), **mode)]
    one = map_of(rows)
    assert one.title == "hidden"
    assert set(one.cells) == {"mode chained, balanced", "mode isolated, balanced"}


def test_many_panels_are_pages_of_their_own(maps_of) -> None:
    dtypes = ["f32", "bf16", "f16", "f8", "f64"]
    sweeps = (sweep("load", ["balanced", "hot"], dtype=dtype) for dtype in dtypes)
    maps = maps_of(itertools.chain.from_iterable(sweeps))
    assert {one.page.suffix for one in maps} == {f"-{dtype}" for dtype in dtypes}
    assert all(len(the_cells(one)) == 4 for one in maps)


def test_claims_never_share_a_map(maps_of) -> None:
    rows = sweep("load", ["balanced", "hot"])
    rows += case(16, {SLICE: 3.0}, claim="functional")
    rows += [row for load in ("hot", "balanced") for tokens in (16, 64)
             for row in case(tokens, {SLICE: 2.0}, claim="interconnect", load=load)]
    first, second = maps_of(rows)
    assert (first.page.claim, first.page.suffix) == ("interconnect", "")
    assert (second.page.claim, second.page.suffix) == ("memory", "-memory")
    assert set(the_cells(first)["winner"]) == {SLICE}
    assert set(the_cells(second)["winner"]) == {NATIVE}


@pytest.mark.parametrize(
    "rows",
    [
        sweep("load", ["balanced"]),
        case(16, {NATIVE: 1.5}) + case(16, {NATIVE: 1.5}, load="hot"),
        [row for row in sweep("load", ["balanced", "hot"]) if row["combine"] == BASELINE],
    ],
    ids=["no second axis", "one token count", "only the baseline"],
)
def test_too_little_for_a_map_draws_none_and_says_nothing(tmp_path: Path, capsys, rows) -> None:
    file = write_csv(tmp_path / "results.csv", rows)
    assert plot.main([str(file), "--out", str(tmp_path / "out"), "--format", "svg"]) == 0
    assert not list((tmp_path / "out").glob("winner_map*"))
    printed = capsys.readouterr()
    assert "winner" not in printed.out + printed.err


# --- Titles, legend, colours --------------------------------------------------------------------


def test_the_title_counts_what_is_resolved(map_of) -> None:
    rows = case(16, {NATIVE: 1.5}) + case(64, {NATIVE: 1.81}) + case(256, {NATIVE: 1.01})
    rows += case(16, {SLICE: 1.2}, load="hot") + case(64, {SLICE: 0.8}, load="hot")
    rows += [stuck(BASELINE, 256, "no luck", load="hot")]
    one = map_of(rows)
    text = winners_text(next(iter(one.cells.values())))
    assert text == f"{NATIVE} wins the output step in 2 of 5 cells, more than any other"
    drawn = " ".join(figure_texts(one))
    assert text in drawn and "not resolved in 1 of 5 cells" in drawn


def test_the_title_without_a_winner_and_with_the_baseline_as_winner(map_of) -> None:
    text = winners_text(the_cells(map_of(
        [row for load in ("balanced", "hot") for tokens in (16, 64)
         for row in case(tokens, {NATIVE: 1.01}, load=load)]
    )).reset_index())
    assert text == "Not resolved: no strategy wins the output step in any of 4 cells"
    text = winners_text(the_cells(map_of(
        [row for load in ("balanced", "hot") for tokens in (16, 64)
         for row in case(tokens, {NATIVE: 0.99 if load == "hot" else 0.5}, load=load)]
    )).reset_index())
    assert text == "The baseline wins the output step in 2 of 4 cells, more than any other"


def test_the_title_of_equals_and_of_ties(map_of) -> None:
    equals = case(16, {SLICE: 1.5}) + case(64, {NATIVE: 1.5}) + case(16, {NATIVE: 0.5}, load="hot")
    equals += case(64, {NATIVE: 0.5}, load="hot") + case(256, {SLICE: 1.5})
    text = winners_text(the_cells(map_of(equals)).reset_index())
    assert text == f"The baseline and {SLICE} win the output step in 2 of 5 cells each"
    ties = [row for load in ("balanced", "hot") for tokens in (16, 64)
            for row in case(tokens, {NATIVE: 1.5, SLICE: 1.49}, load=load)]
    one = map_of(ties)
    assert winners_text(the_cells(one).reset_index()) == (
        f"{NATIVE} leads the output step in all 4 cells")
    assert "perhaps tied in 4 of 4 cells" in figure_texts(one)


def test_the_title_adds_up_the_panels_and_keeps_the_claim(map_of) -> None:
    one = map_of(sweep("dp", [2, 8]) + sweep("dp", [2, 8], load="hot"))
    text = " ".join(figure_texts(one))
    assert f"{NATIVE} wins the output step in all 8 cells" in text
    assert text.count("in all 4 cells") == 2
    assert "one shared memory: not an interconnect's numbers" in text


def test_functional_maps_claim_nothing(map_of) -> None:
    text = " ".join(figure_texts(map_of(sweep("load", ["balanced", "hot"], claim="functional"))))
    assert "times say nothing about speed" in text and " wins " not in text


def test_the_legend_lists_who_occurs_in_the_order_of_the_looks(map_of) -> None:
    rows = case(16, {"z_new": 1.5}) + case(64, {NATIVE: 1.5})
    rows += case(16, {SLICE: 1.5}, load="hot") + case(64, {"a_new": 1.5, NATIVE: 1.2}, load="hot")
    one = map_of(rows)
    counts = winner_counts(next(iter(one.cells.values())))
    assert list(counts.items()) == [(SLICE, 1), (NATIVE, 1), ("a_new", 1), ("z_new", 1)]
    legend = [text for text in figure_texts(one) if text.endswith(" 1") and "_" in text]
    assert legend == [f"{name} 1" for name in (SLICE, NATIVE, "a_new", "z_new")]


def test_an_unknown_strategy_has_a_fill_of_its_name_alone() -> None:
    assert look_of("x_new") == look_of("x_new")
    fills = {look_of(f"new_{number}").fill for number in range(40)}
    assert len(fills) > 1 and fills.isdisjoint(look.fill for look in LOOKS.values())


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def seen(colour: str, sight: str) -> np.ndarray:
    """CIE L*a*b* of the colour for these eyes."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.array(SIGHTS[sight]) @ linear, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHTS)
def test_fills_can_be_told_apart(sight: str) -> None:
    """A difference of 2 is just visible; 20 is seen at a glance."""
    for one, other in itertools.combinations(LOOKS, 2):
        distance = np.linalg.norm(seen(LOOKS[one].fill, sight) - seen(LOOKS[other].fill, sight))
        assert distance > 20, (one, other)


# --- Files --------------------------------------------------------------------------------------


def test_files_appear(tmp_path: Path, capsys) -> None:
    file = write_csv(tmp_path / "results.csv", sweep("load", ["balanced", "hot"]))
    out = tmp_path / "out"
    assert plot.main([str(file), "--out", str(out)]) == 0
    assert (out / "winner_map.png").read_bytes().startswith(b"\x89PNG")
    assert "1.50" in (out / "winner_map.svg").read_text()
    assert str(out / "winner_map.png") in capsys.readouterr().out

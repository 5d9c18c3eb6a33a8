"""Axes, panels and pages of winner maps, and where none is drawn."""

from pathlib import Path

import plot
import pytest
from charts.figures import MAX_PLACES
from map_rows import BASELINE, NATIVE, SLICE, case, places_of, rows_of, sweep, the_cells
from results_csv import write_csv


@pytest.mark.parametrize(
    ("column", "values", "places"),
    [
        ("load", ["balanced", "zipf:2", "zipf:12"], ["balanced", "zipf:2", "zipf:12"]),
        ("hidden", [512, 1024], ["hidden 512, balanced", "hidden 1024, balanced"]),
        ("dp", [2, 8], ["dp 2, balanced", "dp 8, balanced"]),
        ("dtype", ["bf16", "f32"], ["bf16, balanced", "f32, balanced"]),
        ("phase", ["decode", "prefill"], ["phase decode, balanced", "phase prefill, balanced"]),
    ],
)
def test_what_varies_are_the_places_in_their_order(map_of, column, values, places) -> None:
    one = map_of(sweep(column, reversed(values)))
    assert places_of(one) == places
    assert len(the_cells(one)) == 2 * len(values)


def test_neighbours_differ_in_what_varies_more(map_of) -> None:
    rows = [row for load in ("balanced", "hot") for row in sweep("dp", [1, 2, 8], load=load)]
    assert places_of(map_of(rows)) == [
        f"dp {dp}, {load}" for load in ("balanced", "hot") for dp in (1, 2, 8)]
    rows = [row for dp in (2, 8) for row in sweep("load", ["balanced", "hot"], dp=dp)]
    assert places_of(map_of(rows)) == [
        f"dp {dp}, {load}" for dp in (2, 8) for load in ("balanced", "hot")]


def test_mixed_loads_alone_are_no_map(maps_of) -> None:
    loads = {"mixed:16:1": 23, "mixed:64:1": 71}
    mixed = [row for load, tokens in loads.items()
             for row in case(tokens, {NATIVE: 1.5}, load=load, phase="mixed")]
    assert maps_of(mixed) == []
    (one,) = maps_of([*sweep("load", ("balanced", "idle:1")), *mixed])
    assert places_of(one) == ["balanced", "idle:1", *loads]
    assert set(rows_of(one)["tokens"]) == {16, 23, 64, 71}


def test_graphs_one_by_one_and_chained_are_places(map_of) -> None:
    """Of one case_id: they are not compared."""
    modes = [{"graph": "on", "mode": mode} for mode in ("isolated", "chained")]
    one = map_of([row for mode in modes for row in sweep("load", ("balanced",), **mode)])
    assert places_of(one) == ["mode chained, balanced", "mode isolated, balanced"]


def test_many_places_are_several_maps(maps_of) -> None:
    first, second = maps_of(sweep("hidden", range(1, MAX_PLACES + 4)))
    assert (first.suffix, second.suffix) == ("-1", "-2")
    assert (len(places_of(first)), len(places_of(second))) == (MAX_PLACES, 3)


def test_claims_never_share_a_map(maps_of) -> None:
    rows = sweep("load", ["balanced", "hot"])
    rows += case(16, {SLICE: 3.0}, claim="functional")
    rows += [row for load in ("hot", "balanced") for tokens in (16, 64)
             for row in case(tokens, {SLICE: 2.0}, claim="interconnect", load=load)]
    first, second = maps_of(rows)
    assert (first.claim, first.suffix) == ("interconnect", "")
    assert (second.claim, second.suffix) == ("memory", "-memory")
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


def test_files_appear(tmp_path: Path, capsys) -> None:
    file = write_csv(tmp_path / "results.csv", sweep("load", ["balanced", "hot"]))
    out = tmp_path / "out"
    assert plot.main([str(file), "--out", str(out)]) == 0
    assert (out / "winner_map.png").read_bytes().startswith(b"\x89PNG")
    assert "1.50" in (out / "winner_map.svg").read_text()
    assert str(out / "winner_map.png") in capsys.readouterr().out

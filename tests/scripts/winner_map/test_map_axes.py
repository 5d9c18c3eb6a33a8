"""Axes, panels and pages of winner maps, and where none is drawn."""

import itertools
from pathlib import Path

import plot
import pytest
from map_rows import BASELINE, NATIVE, SLICE, case, sweep, the_cells
from results_csv import write_csv


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
    assert (one.ylabel, one.places, one.tokens) == (title, values, [16, 64])
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
    assert (one.ylabel, one.places) == ("dp", ["2", "8"])
    assert list(one.cells) == ["bf16, balanced", "bf16, hot", "f32, balanced", "f32, hot"]
    assert all(len(cells) == 4 for cells in one.cells.values())


def test_two_sizes_that_vary_together_are_one_axis(map_of) -> None:
    rows = sweep("dp", [2], ep=2) + sweep("dp", [2, 8], ep=8)
    one = map_of(rows)
    assert (one.ylabel, one.places) == ("topology", ["dp 2, ep 2", "dp 2, ep 8", "dp 8, ep 8"])


def test_the_hidden_size_of_a_model_is_no_axis_of_its_own(map_of) -> None:
    one = map_of(sweep("model", ["a"], hidden=512) + sweep("model", ["b"], hidden=4096))
    assert (one.ylabel, one.places) == ("model", ["a", "b"])


def test_with_the_load_as_the_axis_other_settings_are_panels(map_of) -> None:
    rows = sweep("load", ["balanced", "hot"]) + sweep("load", ["balanced", "hot"], dtype="f32")
    one = map_of(rows)
    assert one.ylabel == "load" and list(one.cells) == ["bf16, all loads", "f32, all loads"]


def test_graphs_one_by_one_and_chained_are_panels(map_of) -> None:
    """Of one case_id, and no axis: they are not compared."""
    modes = [{"graph": "on", "mode": mode} for mode in ("isolated", "chained")]
    rows = [row for mode in modes for row in sweep("hidden", (1024, 2048), **mode)]
    one = map_of(rows)
    assert one.ylabel == "hidden"
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


def test_files_appear(tmp_path: Path, capsys) -> None:
    file = write_csv(tmp_path / "results.csv", sweep("load", ["balanced", "hot"]))
    out = tmp_path / "out"
    assert plot.main([str(file), "--out", str(out)]) == 0
    assert (out / "winner_map.png").read_bytes().startswith(b"\x89PNG")
    assert "1.50" in (out / "winner_map.svg").read_text()
    assert str(out / "winner_map.png") in capsys.readouterr().out

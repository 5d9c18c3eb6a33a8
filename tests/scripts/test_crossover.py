"""Tests of scripts/crossover.py: which sizes win and lose, worked by hand."""

import json
from pathlib import Path

import crossover
import pytest
from synthetic import BASELINE, NATIVE, SLICE, timed, write_rows

ENGINE = "all_reduce_engine_dp_scatter"
NVLINK = Path(__file__).resolve().parents[2] / "results/nvidia-h200/nvlink-2-peer"


def case(tokens, us, launch=1, spread=0.01, **changes):
    """One row for each strategy of `us`, with intervals of +-spread around its times."""
    rows = []
    for name, time in us.items():
        ratio = us[BASELINE] / time
        rows.append(timed(name, time, launch, **{
            "tokens": tokens, "rows": tokens, "case_id": f"{tokens} {changes}", "backend": "cuda",
            "output_us_low": time * (1 - spread), "output_us_high": time * (1 + spread),
            "speedup_output": ratio, "speedup_output_low": ratio * (1 - spread),
            "speedup_output_high": ratio * (1 + spread)} | changes))
    return rows


def write_ratios(folder, ratios, **changes):
    """NATIVE against the engine's form by tokens; the baseline takes twice as long as that."""
    for tokens, ratio in ratios.items():
        us = {BASELINE: 200, ENGINE: 100, NATIVE: 100 / ratio}
        write_rows(folder, case(tokens, us, **changes))
    return str(folder)


def found(folder, *options, combine=NATIVE):
    file = Path(folder) / "crossovers.json"
    assert crossover.main([str(folder), "--json", str(file), *options]) == 0
    return [one for one in json.loads(file.read_text())["series"] if one["combine"] == combine]


def brackets(series):
    return [(one["below"], one["above"]) for one in series["crossovers"]]


@pytest.mark.parametrize("ratios, words, crossed, more", [
    ({8: 0.5, 16: 0.8, 64: 1.3, 256: 1.5}, "loses at 8-16, wins from 64 on", [(16, 64)], [32]),
    ({8: 1.4, 64: 1.2, 256: 0.9, 1024: 0.8, 4096: 1.3, 16384: 1.4},
     "wins at 8-64, loses at 256-1024, wins from 4096 on", [(64, 256), (1024, 4096)], [128, 2048]),
    ({8: 0.5, 1000: 0.9, 1200: 1.1}, "loses at 8-1000, wins at 1200", [(1000, 1200)], []),
    ({8: 0.8, 64: 1.0, 512: 1.2, 1024: 1.4},
     "loses at 8, not resolved at 64, wins from 512 on", [(8, 512)], [22, 182]),
    ({8: 0.8, 16: 0.9, 64: 1.0}, "loses at 8-16, not resolved at 64", [], []),
    ({8: 1.2, 64: 1.3}, "wins at every size", [], []),
    ({8: 1.0, 64: 1.0}, "not resolved at every size", [], []),
    ({8: 0.5}, "loses at 8, the only size", [], []),
    ({2: 0.5, 4: 1.5}, "loses at 2, wins at 4", [(2, 4)], []),  # 3 are not even on 2 ranks.
])
def test_spans_and_brackets(tmp_path, ratios, words, crossed, more):
    series, = found(write_ratios(tmp_path, ratios))
    assert (series["words"], brackets(series)) == (words, crossed)
    assert [tokens for one in series["crossovers"] for tokens in one["next_tokens"]] == more
    assert series["against"] == ENGINE


def test_the_table_says_none_in_range_and_what_to_run(tmp_path, capsys):
    write_ratios(tmp_path / "a", {16: 0.5, 64: 1.5}, load="hot")
    write_ratios(tmp_path / "a", {16: 1.4, 64: 1.5}, load="balanced")
    assert crossover.main([str(tmp_path / "a")]) == 0
    lines = capsys.readouterr().out.splitlines()
    heading = "custom, hidden 2048, graph off, sms default"
    assert f"{heading}, hot | 16 to 64 tokens, 1 launch, over {ENGINE}" in lines
    found = [line.split(maxsplit=1)[1] for line in lines if NATIVE in line]
    assert [" ".join(line.split()) for line in found] == [
        "none in range wins at every size", "16 to 64 loses at 16, wins at 64"]
    assert lines[-1] == f"  {heading}, hot: --tokens 32"


def test_next_is_what_tokens_takes_and_ends_when_all_is_known(tmp_path, capsys):
    """Halving from 16 to 4096, as --next says, with a form that passes at 700 tokens."""
    ratios = {16: 0.5, 4096: 2.0}
    rounds = []
    for _ in range(8):
        folder = tmp_path / str(len(rounds))
        assert crossover.main([write_ratios(folder, ratios), "--next"]) == 0
        answer = capsys.readouterr().out
        if not answer:
            break
        rounds.append([int(tokens) for tokens in answer.strip().split(",")])
        ratios |= {tokens: 0.5 if tokens < 700 else 2.0 for tokens in rounds[-1]}
    (below, above), = brackets(*found(folder))
    assert below < 700 <= above and above / below <= 1.25
    assert len(rounds) == 5  # log2(log(256) / log(1.25)) is 4.6.


def test_from_six_launches_on_the_interval_is_over_launches(tmp_path):
    """Within each launch nothing is resolved; all seven agree all the same, or do not."""
    for launch in range(1, 8):
        for tokens, ratio in ((8, 1.1), (64, 1.1 if launch % 2 else 0.9)):
            us = {BASELINE: 200, ENGINE: 100, NATIVE: 100 / ratio}
            write_rows(tmp_path, case(tokens, us, launch, spread=0.2))
    series, = found(tmp_path)
    assert series["words"] == "wins at 8, not resolved at 64"
    assert {point["launches"] for point in series["points"]} == {7}


def test_of_few_launches_the_interval_spans_theirs(tmp_path):
    write_ratios(tmp_path, {8: 1.1}, spread=0.04)  # 0.96 / 1.04 is above 1 / 1.1, ...
    write_ratios(tmp_path, {64: 1.1}, spread=0.06)  # ... 0.94 / 1.06 is not.
    series, = found(tmp_path)
    assert series["words"] == "wins at 8, not resolved at 64"
    point = series["points"][0]
    assert (point["low"], point["high"]) == pytest.approx((1.1 * 0.96 / 1.04, 1.1 * 1.04 / 0.96))


def test_against_the_baseline_a_strategy_or_nothing_known(tmp_path, capsys):
    folder = write_ratios(tmp_path, {8: 0.6, 64: 0.4})
    series, = found(folder, "--against", "baseline")
    assert (series["against"], series["words"]) == (BASELINE, "wins at 8, loses at 64")
    series, = found(folder, "--against", NATIVE, combine=ENGINE)
    assert (series["against"], series["words"]) == (NATIVE, "wins at every size")
    assert crossover.main([folder, "--against", SLICE]) == 2
    assert capsys.readouterr().err == (
        f"crossover.py: no case has a time of '{SLICE}'; strategies in these rows:"
        f" {BASELINE}, {ENGINE}, {NATIVE}\n")


def test_without_the_engines_form_it_is_what_runs_or_the_baseline(tmp_path):
    us = {BASELINE: 200, SLICE: 150, NATIVE: 160}
    write_rows(tmp_path / "a", case(8, us))
    assert found(tmp_path / "a")[0]["against"] == BASELINE
    write_rows(tmp_path / "b", [
        row | {"engine_path": "engine-1" if row["combine"] == SLICE else "", "form": "all_reduce"}
        for row in case(8, us)])
    series, = found(tmp_path / "b")
    assert (series["against"], series["words"]) == (SLICE, "loses at 8, the only size")


def test_on_cores_no_engine_runs_any_of_these(tmp_path):
    folder = write_ratios(tmp_path, {8: 0.6}, backend="host")
    series, = found(folder)
    assert (series["against"], series["words"]) == (BASELINE, "wins at 8, the only size")


def test_rows_without_a_verdict_resolve_nothing(tmp_path, capsys):
    write_ratios(tmp_path / "a", {8: 0.5, 64: 1.5})
    write_ratios(tmp_path / "a", {256: 1.5}, disturbed_pct=9, timed_by="host",
                 no_verdict="disturbed")
    assert found(tmp_path / "a")[0]["words"] == "loses at 8, wins at 64, not resolved at 256"
    folder = write_ratios(tmp_path / "b", {8: 0.5}, claim="functional")
    assert crossover.main([folder]) == 2
    assert "left out: 3 rows, claim functional allows no verdict" in capsys.readouterr().err


def test_rows_are_named_where_they_are_more_than_tokens(tmp_path, capsys):
    folder = write_ratios(tmp_path, {8: 0.5}, rows=16)
    write_ratios(tmp_path, {64: 1.5}, rows=128)
    assert crossover.main([folder]) == 0
    assert "8 to 64 (16 to 128 rows)" in capsys.readouterr().out


def test_two_linked_h200_as_the_readme_states(tmp_path):
    """Grouped reduces in a graph: between 1024 and 2048 tokens balanced and with zipf:1, between
    2048 and 4096 with a hot rank. One reduce_scatter on even rows: not resolved at 1024."""
    file = tmp_path / "out.json"
    assert crossover.main([str(NVLINK), "--json", str(file)]) == 0
    answers = {
        (one["load"], one["combine"]): brackets(one)
        for one in json.loads(file.read_text())["series"]
        if (one["hidden"], one["graph"], one["sms"]) == ("4096", "on", "default")}
    grouped = "reduce_scatterv_grouped"
    assert answers["balanced", grouped] == answers["zipf:1", grouped] == [(1024, 2048)]
    assert answers["hot", grouped] == [(2048, 4096)]
    assert answers["balanced", "reduce_scatter_padded"] == [(512, 2048)]
    assert answers["hot", "reduce_scatter_padded"] == []
    assert answers["balanced", "reduce_scatterv_push"] == []

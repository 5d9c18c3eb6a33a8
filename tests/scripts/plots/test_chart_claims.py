"""What the numbers of a chart may claim, and rows that have none."""

import pytest
from chart_rows import BASELINE, GAINS, SETTINGS, sweep, timed
from drawn import CHARTS
from results_csv import HEADER


def test_functional_charts_say_that_their_times_say_nothing(charts) -> None:
    texts = charts(sweep(claim="functional"))
    assert set(texts) == set(CHARTS)
    for text in texts.values():
        assert "functional: ranks > cores, times say nothing about speed" in text
        assert " is faster than " not in text and " has the " not in text


def test_a_shared_machine_gives_charts_without_a_verdict(charts, capsys) -> None:
    texts = charts(sweep(claim="shared_machine"))
    assert set(texts) == set(CHARTS)
    for text in texts.values():
        assert "shared_machine: other programs were on the device" in text
        assert " is faster than " not in text and " has the " not in text
    said = "winner_map: not drawn, claim shared_machine allows no verdict"
    assert said in capsys.readouterr().out


def test_who_is_faster_is_not_resolved_where_others_had_the_cores(charts, capsys) -> None:
    texts = charts(sweep(no_verdict="disturbed"))
    for name in ("speedup_output", "speedup_layer", "latency"):
        assert "Not resolved: " in texts[name] or "no strategy is resolved" in texts[name]
    said = "not resolved, for others had a rank's core: "
    assert said in capsys.readouterr().out and said in texts["speedup_output"]


def test_charts_of_a_shared_gpu_say_that_it_is_no_interconnect(charts) -> None:
    for text in charts(sweep(claim="functional", backend="cuda")).values():
        assert "functional: ranks share a GPU, times say nothing about an interconnect" in text


def test_memory_charts_say_that_they_are_no_interconnect(charts) -> None:
    for text in charts(sweep(claim="memory")).values():
        assert "one shared memory: not an interconnect's numbers" in text


def test_claims_never_share_a_figure(charts) -> None:
    faster = {name: (ends[0] + 1, ends[1] + 1) for name, ends in GAINS.items()} | {BASELINE: (1, 1)}
    small = {"loads": ["hot"]}
    rows = sweep(**small) + sweep(faster, claim="memory", **small)
    texts = charts(rows + sweep(claim="functional", **small))
    assert set(texts) == {
        chart + claim for chart in CHARTS for claim in ("", "-memory", "-functional")
    }
    plain, memory = texts["speedup_output"], texts["speedup_output-memory"]
    assert "up to 1.12×" in plain and "up to 2.12×" not in plain
    assert "drawn apart, for their claim is weaker: memory, functional rows" in plain
    assert "up to 2.81×" in memory


def test_the_caption_states_the_machine_and_the_case(text_of) -> None:
    text = text_of("speedup_output", sweep())
    assert "device EPYC 7763; ranks 8; hosts 1" in text
    assert "model custom; hidden 1024; dtype bf16" in text
    assert "Claim: interconnect" in text


def test_rows_without_a_time_are_listed(charts, capsys: pytest.CaptureFixture[str]) -> None:
    rows = sweep()
    rows += [
        SETTINGS | {"combine": "reduce_scatter_symmetric", "tokens": tokens, "load": "balanced",
                    "is_baseline": "false", "verified": "", "claim": "",
                    "obstacle": "needs NCCL 2.27, costs $5 and $6"}
        for tokens in (16, 64)
    ]
    rows.append(timed("reduce_scatterv_peer", 16, "hot", 9.0, verified="false"))
    rows.append(timed("reduce_scatterv_push", 16, "hot", 9.0, planted_pct=30,
                      no_verdict="planted"))
    notes = (
        "left out: reduce_scatter_symmetric: needs NCCL 2.27, costs $5 and $6 (2 rows)",
        "left out: reduce_scatterv_peer: wrong result (verified=false) (1 row)",
        "left out: reduce_scatterv_push: planted slow-down of 30 %, never a result (1 row)",
    )
    texts = charts(rows)
    printed = capsys.readouterr().out
    for note in notes:
        assert note in printed
        assert all(note in text for text in texts.values())
    assert "9.00×" not in texts["speedup_output"]


def test_rows_of_scope_output_have_no_layer_charts(charts, capsys) -> None:
    layer = {name: "" for name in HEADER if "layer_us" in name or "speedup_layer" in name}
    texts = charts(sweep(scope="output", **layer))
    assert set(texts) == {"speedup_output", "latency", "bandwidth", "winner_map"}
    assert "no layer times in these rows (scope output)" in texts["speedup_output"]
    assert "phases: not drawn" in capsys.readouterr().out

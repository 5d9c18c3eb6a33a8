"""Verdicts word for word."""

import pytest
import verdict
from decided import AR, RSV, rows_of, with_late_ranks
from decision.engine import find_engine

SAVED = [3.1, 2.6, 3.5, 3.0, 2.9, 3.2, 3.3]
COSTS = [-0.2, -0.18, -0.22, -0.2, -0.19, -0.21, -0.2]
HEAD = ("On 8x H100 SXM (NCCL 2.30.7, NVLS off as SGLang sets it), Qwen3.5-397B, dp8 ep8, your 41,200"
        " steps: ")
COUNTS = {"steps_of_phases": {"prefill": 1200, "decode": 40000}}


def both_phases(prefill, decode):
    """Parts of a file of steps of which the prefill nodes' and the decode nodes' are apart."""
    return {"prefill": with_late_ranks(prefill, 1200),
            "decode": rows_of(decode, 40000, graph="on"),
            "decode-late-ranks": [one for one in with_late_ranks(decode, 40000)
                                  if one["skew_us"] != 0]}


def test_a_flag_that_helps_prefill_and_costs_decode(verdict_of):
    found = verdict_of(both_phases(SAVED, COSTS), **COUNTS,
                       step_ms={"prefill": 148, "decode": 17})
    assert found["sentences"][0] == (
        "On 8x H100 SXM (NCCL 2.30.7, NVLS off as SGLang sets it), Qwen3.5-397B, dp8 ep8, your 41,200"
        " steps: `--boundary-reduction rsv` instead of `auto` saves 3.1 ms [2.6, 3.5] of a 148 ms"
        " prefill step (2.1 %) and costs 0.2 ms of a 17 ms decode step: set rsv on prefill nodes, keep"
        " auto on decode.")
    assert found["printed"].splitlines()[0] == found["sentences"][0]
    assert found["sentences"][1:] == ["Nodes that do prefill and decode have one value for all: keep"
                                      " auto."]
    assert [phase["set"] for phase in found["phases"]] == ["rsv", None]


def test_a_flag_that_helps_both(verdict_of):
    found = verdict_of(both_phases(SAVED, [0.5, 0.51, 0.52, 0.49, 0.5, 0.48, 0.5]), **COUNTS,
                       step_ms={"prefill": 148, "decode": 17})
    assert found["sentences"] == [
        HEAD + "`--boundary-reduction rsv` instead of `auto` saves 3.1 ms [2.6, 3.5] of a 148 ms"
        " prefill step (2.1 %) and saves 0.5 ms [0.5, 0.5] of a 17 ms decode step (2.9 %): set rsv.",
        "Nodes that do prefill and decode have one value for all: rsv saves 0.6 ms [0.6, 0.6] of a"
        " 20.8 ms mean step (2.7 %)."]
    assert found["together"]["set"] == "rsv"


def test_without_the_time_of_a_step_no_flag_is_named(verdict_of):
    found = verdict_of({"prefill": with_late_ranks(SAVED, 41200)},
                       steps_of_phases={"prefill": 41200})
    assert found["sentences"] == [
        HEAD + "`--boundary-reduction rsv` instead of `auto` saves 3.1 ms [2.6, 3.5] of a prefill"
        " step: keep auto.",
        "Prefill: rsv is not named: 1 % of a step could not be judged, nobody says how long one takes"
        " (--step-ms); it is that much where a step takes at most 310 ms."]


def test_a_gain_that_is_too_small(verdict_of):
    found = verdict_of({"prefill": with_late_ranks([ms / 10 for ms in SAVED], 41200)},
                       steps_of_phases={"prefill": 41200}, step_ms={"prefill": 148})
    assert found["sentences"] == [
        HEAD + "`--boundary-reduction rsv` instead of `auto` saves 0.3 ms [0.3, 0.4] of a 148 ms"
        " prefill step (0.2 %): keep auto.",
        "Prefill: rsv is not named: less than 1 % of the step."]


def test_an_interval_that_holds_zero(verdict_of):
    found = verdict_of({"prefill": with_late_ranks([3.1, -2.6, 3.5, 3.0, 2.9, 3.2, 3.3], 41200)},
                       steps_of_phases={"prefill": 41200}, step_ms={"prefill": 148})
    assert found["sentences"] == [
        HEAD + "`--boundary-reduction rsv` instead of `auto` has no resolved effect on a 148 ms"
        " prefill step (saves 3.1 ms [-2.6, 3.5]): keep auto.",
        "Prefill: rsv is not named: not resolved, the interval holds 0."]


def test_a_winner_that_late_ranks_make_a_loser(verdict_of):
    late = [*rows_of(SAVED, 41200), *rows_of(SAVED, 41200, skew=50),
            *rows_of(COSTS, 41200, skew=200)]
    found = verdict_of({"prefill": late}, steps_of_phases={"prefill": 41200},
                       step_ms={"prefill": 148})
    assert found["sentences"][0].endswith("prefill step (2.1 %): keep auto.")
    assert found["sentences"][1] == (
        "Prefill: rsv is not named: the default is better with ranks up to 200 us late.")


def test_a_gain_that_late_ranks_make_too_small(verdict_of):
    late = [*rows_of(SAVED, 41200), *rows_of(SAVED, 41200, skew=50),
            *rows_of([ms / 10 for ms in SAVED], 41200, skew=200)]
    found = verdict_of({"prefill": late}, steps_of_phases={"prefill": 41200},
                       step_ms={"prefill": 148})
    assert found["sentences"][1] == (
        "Prefill: rsv is not named: less than 1 % of the step with ranks up to 200 us late.")


def test_too_few_launches_name_nothing(verdict_of):
    found = verdict_of({"prefill": with_late_ranks(SAVED[:2], 41200)},
                       steps_of_phases={"prefill": 41200}, step_ms={"prefill": 148})
    assert found["provisional"] == "Provisional: 2 of 7 launches."
    assert found["printed"].startswith("Provisional: 2 of 7 launches.\n")
    assert found["sentences"] == [
        HEAD + "`--boundary-reduction rsv` instead of `auto` seems to save 2.9 ms of a 148 ms prefill"
        " step: keep auto.",
        "Prefill: rsv is not named: too few launches for an interval."]


def test_times_that_say_nothing_name_nothing(verdict_of):
    found = verdict_of({"prefill": with_late_ranks(SAVED, 41200, no_verdict="disturbed")},
                       steps_of_phases={"prefill": 41200}, step_ms={"prefill": 148})
    assert found["sentences"] == [
        HEAD + "`--boundary-reduction rsv` instead of `auto` cannot be judged in a prefill step: keep"
        " auto.",
        "Prefill: rsv is not named: other programs had the processors during most of it."]


def test_phases_of_which_the_same_is_to_be_said_are_named_together(verdict_of):
    parts = both_phases(SAVED, COSTS)
    for rows in parts.values():
        for one in rows:
            one["no_verdict"] = "functional"
    found = verdict_of(parts, **COUNTS)
    assert found["sentences"] == [
        HEAD + "`--boundary-reduction rsv` instead of `auto` cannot be judged in a prefill step and a"
        " decode step: keep auto.",
        "Prefill and decode: rsv is not named: the ranks share processors, so its times say nothing"
        " about speed.",
        "Nodes that do prefill and decode have one value for all: keep auto."]


def test_a_form_that_no_engine_ships_is_no_flag(verdict_of):
    rows = [*with_late_ranks(COSTS, 41200),
            *(one for one in with_late_ranks(SAVED, 41200, combine="reduce_scatterv_push")
              if one["combine"] != "all_reduce_engine_dp_scatter")]
    found = verdict_of({"prefill": rows}, steps_of_phases={"prefill": 41200},
                       step_ms={"prefill": 148})
    [push] = [one for one in found["phases"][0]["candidates"]
              if one["name"] == "reduce_scatterv_push"]
    assert push["against"] == "no engine ships it" and not push["named"]
    assert found["phases"][0]["set"] is None
    assert "push" not in " ".join(found["sentences"])


def test_scaled_experts_carry_no_share_of_a_layer(verdict_of):
    found = verdict_of({"prefill": with_late_ranks(SAVED, 41200, scale_experts=8)},
                       steps_of_phases={"prefill": 41200})
    assert "%)" not in found["sentences"][0] and found["phases"][0]["step_ms"] is None
    assert RSV not in " ".join(found["sentences"])


def test_an_engine_without_another_value(verdict_of, monkeypatch):
    monkeypatch.setattr(verdict, "find_engine", lambda _: find_engine("vllm-0.33"))
    rows = with_late_ranks(SAVED, 41200, combine="reduce_scatterv_push", gather="all_gatherv")
    rows = [one | {"combine": one["combine"].replace(AR, "reduce_scatterv_collapse")} for one in rows]
    found = verdict_of({"prefill": rows}, steps_of_phases={"prefill": 41200},
                       step_ms={"prefill": 148})
    assert found["sentences"] == [
        HEAD.replace("SGLang", "vLLM") + "vLLM has no other value of --all2all-backend that keeps this"
        " exchange: nothing to set."]
    assert "Prefill: what the engine computes beside the exchange." in found["not_covered"]
    [push] = [one for one in found["phases"][0]["candidates"] if one["name"] == "reduce_scatterv_push"]
    assert push["against"] == "no engine ships it"
    assert push["saved"]["0"]["step_ms"] == pytest.approx(3.1)


def test_a_setting_that_was_not_priced_is_none_of_the_candidates(verdict_of, monkeypatch):
    monkeypatch.setattr(verdict, "find_engine", lambda _: find_engine("sglang-0.5.23"))
    rows = {"prefill": with_late_ranks(SAVED, 41200)}
    for opposed in ({}, {"--enable-nccl-nvls": "NCCL_NVLS_ENABLE=0"}):
        found = verdict_of(rows, steps_of_phases={"prefill": 41200}, opposed_settings=opposed)
        names = [one["name"] for one in found["phases"][0]["candidates"]]
        note = "--enable-nccl-nvls: not priced, since NCCL_NVLS_ENABLE=0 is set here."
        assert ("--enable-nccl-nvls" in names) == (not opposed)
        assert (note in found["not_covered"]) == bool(opposed)


def test_phases_that_no_launch_timed_together(verdict_of):
    parts = both_phases(SAVED, COSTS)
    parts["prefill"] = [one for one in parts["prefill"] if one["launch"] < 4]
    parts["decode"] = [one for one in parts["decode"] if one["launch"] > 3]
    found = verdict_of(parts, **COUNTS)
    assert found["together"]["candidates"][0]["against"] == (
        "too little of it was timed, give more --minutes")


def test_nodes_of_one_phase_have_no_value_for_all(verdict_of):
    found = verdict_of(both_phases(SAVED, COSTS), **COUNTS, role="prefill",
                       step_ms={"prefill": 148, "decode": 17})
    assert found["together"] is None and len(found["sentences"]) == 1


def test_what_was_not_covered_is_said(verdict_of):
    found = verdict_of({"prefill": with_late_ranks(SAVED, 1000)},
                       steps_of_phases={"prefill": 1200, "mixed": 5}, step_ms={"prefill": 148},
                       extra=["--scale-experts", "8"], engines={"sglang-0.5.23": 9, "sglang-1": 1})
    notes = "\n".join(found["not_covered"])
    assert "200 of 1,200 prefill steps: not this question, or left out for want of time." in notes
    assert "5 of 5 mixed steps" in notes
    assert ("Prefill: what differs between steps and the 6 case(s) that stand for them, 3.2 % of their"
            " rows on average.") in notes
    assert "Steps of sglang-1 are priced as if sglang-0.5.23 had run them." in notes
    assert "Further options of the program: --scale-experts 8." in notes
    assert "Speculative decoding" in notes

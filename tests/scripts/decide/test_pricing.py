"""What is priced, and against what."""

from dataclasses import replace

import pytest
from decided import AR, RSV, row, rows_of, write_part
from decision.costs import add_rows, candidates_of, price
from decision.engine import Setting, Way, find_engine
from decision.place import model_name
from moe_results import ResultsError, read_results

SGLANG = find_engine("sglang-0.5.23")
SAVED = [3.1, 2.6, 3.5, 3.0, 2.9, 3.2, 3.3]


def test_ways_are_those_of_the_engines_file():
    """By hand, from layers/layer_boundary/exit.py."""
    own, padded = "all_reduce_engine_zero_fill", "all_gather_padded"
    assert SGLANG.way("ar", "max_len", True) == Way(padded, AR)
    assert SGLANG.way("rs", "max_len", True) == Way(padded, "reduce_scatter_padded")
    assert SGLANG.way("rs", "sum_len", True) == Way(own, AR)
    assert SGLANG.way("rsv", "sum_len", True) == Way(own, RSV)
    assert SGLANG.way("rsv", "sum_len", False) == Way(own, AR)
    assert SGLANG.way(SGLANG.default, "max_len", True) == Way(padded, RSV)
    assert SGLANG.gate_is_open(8, 8, 8) and not SGLANG.gate_is_open(8, 4, 4)
    assert find_engine("sglang") == SGLANG
    # Prefill keeps its rows; decode may be padded to graphs.
    assert SGLANG.paddings_of("prefill") == SGLANG.paddings_of("mixed") == ["sum_len"]
    assert SGLANG.paddings_of("decode") == ["sum_len", "max_len"]
    assert {way.gather for way in SGLANG.ways_of("prefill")} == {own}


@pytest.mark.parametrize("name", ["sglang-0.4", "tensorrt-llm", "nobody"])
def test_a_version_without_rules_gets_no_sentence(name):
    with pytest.raises(ResultsError, match=f"no rules of '{name}' are known; there are: sglang-0.5"):
        find_engine(name)


@pytest.mark.parametrize(("preset", "name"), [
    ("qwen3.5-397b-a17b", "Qwen3.5-397B"), ("deepseek-v3", "DeepSeek-V3"), ("kimi-k2", "Kimi-K2"),
    ("gpt-oss-120b", "GPT-OSS-120B"), ("mixtral-8x7b", "Mixtral-8x7B"), ("custom", "a custom layer"),
])
def test_models_have_names_for_people(preset, name):
    assert model_name(preset) == name


def sweeps_of(tmp_path, rows, engine=SGLANG, setting=""):
    sweeps = {}
    write_part(tmp_path, "prefill", rows)
    add_rows(sweeps, read_results([tmp_path / "prefill"]), engine, "prefill", setting)
    return sweeps


def test_costs_are_weighted_by_the_steps_of_their_cases(tmp_path):
    rows = [row(name, us, 1, 0, steps)
            for steps, times in ((10, (100, 70)), (30, (200, 190)))
            for name, us in zip((AR, RSV), times)]
    [rsv] = [one for one in candidates_of(SGLANG, ()) if one.name == "ar"]
    priced = price(rsv, SGLANG, sweeps_of(tmp_path, rows), "prefill", 0)
    # The default runs RSV: ar costs 30 us in 10 steps and 10 in 30.
    assert priced.saved_us == {"1": pytest.approx(-(10 * 30 + 30 * 10) / 40)}
    assert priced.default_us == pytest.approx((10 * 70 + 30 * 190) / 40)
    assert (priced.steps, priced.all_steps, priced.same_way) == (40, 40, False)


def test_rows_of_a_gather_that_the_engine_does_not_take_do_not_count(tmp_path):
    rows = rows_of(SAVED, 10) + rows_of([0] * 7, 10, gather="all_gather_padded")
    [ar] = [one for one in candidates_of(SGLANG, ()) if one.name == "ar"]
    priced = price(ar, SGLANG, sweeps_of(tmp_path, rows), "prefill", 0)
    assert priced.saved_us["1"] == pytest.approx(-3100 / 60)


def test_a_case_that_a_launch_left_out_counts_by_the_other_launches(tmp_path):
    few = [one for one in rows_of([30.0] * 7, 10) if one["launch"] not in (1, 2)]
    fewer = [one for one in rows_of([30.0] * 7, 5) if one["launch"] > 4]
    [ar] = [one for one in candidates_of(SGLANG, ()) if one.name == "ar"]
    rows = rows_of([6.0] * 7, 90) + few + fewer
    priced = price(ar, SGLANG, sweeps_of(tmp_path, rows), "prefill", 0)
    assert (priced.steps, priced.all_steps) == (100, 105)
    assert priced.saved_us == {str(launch): pytest.approx(-(90 * 100 + 10 * 500) / 100)
                               for launch in range(1, 8)}


def test_a_launch_that_timed_little_does_not_count(tmp_path):
    rows = [one for one in rows_of(SAVED, 90) if one["launch"] != 3] + rows_of(SAVED, 10)
    [ar] = [one for one in candidates_of(SGLANG, ()) if one.name == "ar"]
    priced = price(ar, SGLANG, sweeps_of(tmp_path, rows), "prefill", 0)
    assert list(priced.saved_us) == ["1", "2", "4", "5", "6", "7"]


def test_a_setting_is_priced_against_the_default_without_it(tmp_path):
    setting = Setting("--enable-nccl-nvls")
    engine = replace(SGLANG, settings=(setting,))
    sweeps = sweeps_of(tmp_path / "a", rows_of([0] * 7, 10))
    sweeps |= sweeps_of(tmp_path / "b", rows_of(SAVED, 10), setting=setting.name)
    [nvls] = [one for one in candidates_of(engine, ()) if one.setting]
    priced = price(nvls, engine, sweeps, "prefill", 0)
    assert priced.saved_us["1"] == pytest.approx(3100 / 60)
    assert not priced.same_way


def test_a_setting_may_change_what_a_value_runs(tmp_path):
    """Symmetric windows serve the reduce_scatter of padded rows, which rs runs."""
    setting = Setting("symm", instead={"reduce_scatter_padded": "reduce_scatter_symmetric"})
    engine = replace(SGLANG, settings=(setting,))
    padded = {"padding": "max_len", "gather": "all_gather_padded"}
    sweeps = sweeps_of(tmp_path / "a", [row(RSV, 100, 1, 0, 4, **padded)])
    sweeps |= sweeps_of(tmp_path / "b", [row("reduce_scatter_symmetric", 60, 1, 0, 4, **padded),
                                         row(RSV, 90, 1, 0, 4, **padded)], setting="symm")
    saved = {one.name: price(one, engine, sweeps, "prefill", 0)
             for one in candidates_of(engine, ()) if one.setting}
    assert saved["symm"].saved_us == {"1": 10}
    assert saved["symm --boundary-reduction rs"].saved_us == {"1": 40}
    assert saved["symm --boundary-reduction ar"] is None, "nobody measured it"

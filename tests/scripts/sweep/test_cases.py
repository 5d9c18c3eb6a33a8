"""Cases of a sweep: topologies, loads, padding, layers, routing, SMs."""

import re

import pytest
from program import FULL, QUICK, launch, rows_of
from strategies import FEW, FEW_STRATEGIES


def test_topologies_that_do_not_divide_are_obstacles(tmp_path):
    done = launch(*QUICK, "--dp", "1,2,3", "--ep", "all", "--load", "balanced,counts:1;2",
                  "--combine", "all_reduce_slice", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path)
    why = {(row["dp"], row["load"]): row["obstacle"] for row in rows}
    assert why["3", "balanced"] == "dp 3 does not divide 2 ranks"
    assert why["1", "counts:1;2"] == "load counts:1;2 has 2 shares, but dp is 1"
    assert why["2", "balanced"] == ""
    assert all((row["obstacle"] == "") == (row["output_us_median"] != "") for row in rows)
    assert {row["sglang_path"].split(":")[0] for row in rows if row["dp"] == "2"} == {
        "reduce_scatterv", "all_reduce_dp_scatter"}


@pytest.mark.parametrize(("rule", "decode", "combines"), [
    ("sglang", "sum_len", "all" if FULL else "reduce_scatter_padded,reduce_scatterv_fused"),
    ("sglang:0.5.22", "max_len", "reduce_scatter_padded")])
def test_padding_follows_sglangs_rule_and_rows_say_what_it_chose(rule, decode, combines, tmp_path):
    done = launch(*QUICK, "--padding", f"max_len,{rule}", "--load", "balanced,hot,idle:1",
                  "--combine", combines, "--out", tmp_path, ranks=3)
    assert done.returncode == 0, done.stderr
    found = {(row["phase"], row["load"]): (row["padding"], row["rows"])
             for row in rows_of(tmp_path)}
    assert found == {
        ("", "balanced"): ("max_len", "6"), ("", "hot"): ("max_len", "18"),
        ("", "idle:1"): ("max_len", "9"), ("prefill", "balanced"): ("sum_len", "6"),
        ("prefill", "hot"): ("sum_len", "6"), ("prefill", "idle:1"): ("sum_len", "6"),
        ("decode", "balanced"): (decode, "6"), ("decode", "hot"): ("sum_len", "6"),
        ("decode", "idle:1"): ("max_len", "9")}
    variants = {row["variant"] for row in rows_of(tmp_path)
                if row["combine"] == "reduce_scatter_padded" and row["padding"] == "max_len"}
    assert variants == {"zero_copy"}


def test_decode_rows_are_padded_to_the_graphs_of_an_engine(tmp_path):
    done = launch(*QUICK, "--tokens", "6", "--load", "counts:5;1", "--padding", "sum_len,vllm",
                  "--graph-sizes", "4,8", "--scope", "output", "--out", tmp_path, ranks=2)
    assert done.returncode == 0, done.stderr
    assert "sum_len" not in done.stdout and "graphs of 4;8" in done.stdout
    found = {(row["phase"], row["graph_sizes"], row["padding"], row["rows"],
              row["rows_padded_pct"]) for row in rows_of(tmp_path)}
    assert found == {("prefill", "", "sum_len", "6", "0"), ("decode", "4;8", "sum_len", "12", "50"),
                     ("decode", "4;8", "max_len", "16", "62.5")}
    assert all(row["verified"] == "true" and row["nccl_version"] == row["nvls"] == ""
               for row in rows_of(tmp_path))


def test_loads_of_production(tmp_path):
    """A mixed load is one case for each dp, whatever the tokens and phases of the others."""
    sweep = [*QUICK, *FEW, "--tokens", "6,7", "--load", "mixed:9:2,idle:1", "--dp", "1,3", "--padding",
             "max_len,sglang", "--scope", "output", "--out", tmp_path]
    done = launch(*sweep, ranks=3)
    assert done.returncode == 0, done.stderr
    assert "13 tokens, mixed:9:2 (9;2;2) |" in done.stdout
    cases = {row["case_id"]: row for row in rows_of(tmp_path)}
    told = sorted(tuple(row[name] for name in ("dp", "load", "tokens", "tokens_per_rank", "phase",
                                               "padding", "rows")) for row in cases.values())
    alone = [("1", "idle:1", tokens, "", phase, padding, "") for tokens in "67"
             for phase, padding in (("", "max_len"), ("decode", "sglang:0.5.23"),
                                    ("prefill", "sglang:0.5.23"))]
    assert told == [
        *alone, *(("1", "mixed:9:2", "9", "9", "mixed", padding, "9")
                  for padding in ("max_len", "sum_len")),
        ("3", "idle:1", "6", "3;3;0", "", "max_len", "9"),
        ("3", "idle:1", "6", "3;3;0", "decode", "max_len", "9"),
        ("3", "idle:1", "6", "3;3;0", "prefill", "sum_len", "6"),
        ("3", "idle:1", "7", "4;3;0", "", "max_len", "12"),
        ("3", "idle:1", "7", "4;3;0", "decode", "max_len", "12"),
        ("3", "idle:1", "7", "4;3;0", "prefill", "sum_len", "7"),
        ("3", "mixed:9:2", "13", "9;2;2", "mixed", "max_len", "27"),
        ("3", "mixed:9:2", "13", "9;2;2", "mixed", "sum_len", "13")]
    for row in rows_of(tmp_path):
        why = "load idle:1 leaves no DP rank with tokens, dp is 1"
        assert row["obstacle"] == (why if row["tokens_per_rank"] == "" else "")
        assert row["verified"] == ("" if row["obstacle"] else "true")
    resumed = launch(*sweep, "--resume", ranks=3)
    assert resumed.returncode == 0, resumed.stderr
    assert "resumed: 16 of 16 cases are there already" in resumed.stdout
    assert len(rows_of(tmp_path)) == 16 * FEW_STRATEGIES


def test_layers_and_routing_are_part_of_the_case(tmp_path):
    for layers in ("1", "3"):
        assert launch(*QUICK, *FEW, "--experts", "16", "--layers", layers, "--routing",
                      "uniform,zipf:1.5", "--out", tmp_path).returncode == 0
    rows = rows_of(tmp_path)
    assert {(row["layers"], row["routing"]) for row in rows} == {
        ("1", "uniform"), ("1", "zipf:1.5"), ("3", "uniform"), ("3", "zipf:1.5")}
    assert len({row["case_id"] for row in rows}) == 4
    assert all(row["verified"] == "true" for row in rows)

    def memory_of(layers):
        planned = launch("--model", "custom", "--tokens", "6", "--load", "balanced", "--layers",
                         layers, "--dry-run").stdout
        return float(re.search(r"([\d.]+) GiB for each rank", planned)[1])

    assert memory_of(3) > memory_of(1), "each layer has weights of its own"


def test_all_topologies_of_six_ranks(tmp_path):
    done = launch(*QUICK, *FEW, "--dp", "all", "--ep", "all", "--shared-intermediate", "10",
                  "--min-samples", "1", "--scope", "output", "--out", tmp_path, ranks=6)
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path)
    assert {(row["dp"], row["ep"]) for row in rows} == {
        (str(dp), str(ep)) for dp in (1, 2, 3, 6) for ep in (1, 2, 3, 6)}
    assert all(row["verified"] == "true" for row in rows)
    for row in rows:
        fused = row["dp"] == row["ep"] == "6"
        assert (row["sglang_path"] == "reduce_scatterv") == fused
        assert fused or row["sglang_path"].startswith("all_reduce_dp_scatter: ")


def test_sms_are_an_axis_and_an_obstacle_where_there_are_none(tmp_path):
    done = launch(*QUICK, "--sms", "default,64", "--combine", "all_reduce_slice", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "| SMs: 64\n" in done.stdout
    usual, tuned = (rows_of(tmp_path)[at:at + 2] for at in (0, 2))
    assert [{row["sms"] for row in rows} for rows in (usual, tuned)] == [{""}, {"64"}]
    assert usual[0]["case_id"] != tuned[0]["case_id"]
    assert all(row["output_us_median"] and not row["obstacle"] for row in usual)
    assert {row["obstacle"] for row in tuned} == {"MPI between cores uses no multiprocessors"}

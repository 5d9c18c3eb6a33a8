"""How samples are taken: pipelined, with late ranks, from cold caches, slowed down on purpose."""

import collections
import csv
import re
import statistics

import pytest
from program import BACKEND, QUICK, exchanges, launch, rows_of
from strategies import FEW, STRATEGIES


def test_pipelined_rows_are_rows_of_their_own(tmp_path):
    for mode in ([], ["--pipelined"]):
        assert launch(*QUICK, *mode, "--out", tmp_path).returncode == 0
    isolated, pipelined = rows_of(tmp_path)[:STRATEGIES], rows_of(tmp_path)[STRATEGIES:]
    assert {row["mode"] for row in isolated} == {"isolated"}
    assert {row["mode"] for row in pipelined} == {"pipelined"}
    assert isolated[0]["case_id"] != pipelined[0]["case_id"], "latency and throughput never mix"
    repeats, = {row["repeats"] for row in pipelined}
    assert int(repeats) >= 4, "one number for all strategies"
    for row in pipelined:
        assert row["verified"] == "true"
        assert row["instrumentation_pct"] == "" and float(row["experts_us_median"]) > 0
        assert float(row["output_us_median"]) > 0
        assert float(row["tokens_per_s"]) == pytest.approx(
            6e6 / float(row["layer_us_median"]), rel=1e-4)
    for row in exchanges(pipelined):
        assert float(row["combine_us_median"]) > 0


def test_late_ranks_are_a_case_of_their_own_and_no_part_of_the_sample(tmp_path):
    late = 100000  # long beside what a busy machine does to a sample
    for skew in ([], ["--skew", f"0,{late}"]):
        done = launch(*QUICK, *skew, "--combine", "all_reduce_slice", "--out", tmp_path)
        assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"| all ranks but one up to {late} us late\n") == 1
    usual, punctual, skewed = (rows_of(tmp_path)[at:at + 2] for at in (0, 2, 4))
    assert [{row["skew_us"] for row in rows} for rows in (usual, punctual, skewed)] == [
        {"0"}, {"0"}, {str(late)}]
    assert usual[0]["case_id"] == punctual[0]["case_id"] != skewed[0]["case_id"]
    for row in skewed:
        assert row["verified"] == "true" and row["repeats"] == "1"
        assert float(row["speedup_output"]) > 0 and row["instrumentation_pct"] != ""
    with open(tmp_path / "results.samples.csv", newline="") as file:
        samples = [one for one in csv.DictReader(file) if one["case_id"] == skewed[0]["case_id"]]
    for kind in ("layer", "output", "combine"):
        spread, us = ([float(one[name]) for one in samples if one["kind"] == kind]
                      for name in ("arrival_spread_us", "us"))
        assert statistics.median(spread) > late / 10, "half of it, and busy cores make it more"
        assert min(us) < late / 4


def test_bursts_and_graphs_say_why_no_rank_can_be_late_for_them(tmp_path):
    for how in ("--pipelined", "--graph=on"):
        assert launch(*QUICK, how, "--skew", "0,50", "--out", tmp_path).returncode == 0
    rows = rows_of(tmp_path)
    burst, graph = ({(row["skew_us"], row["obstacle"]) for row in half}
                    for half in (rows[:2 * STRATEGIES], rows[2 * STRATEGIES:]))
    assert burst == {("0", ""), ("50", "skew: the runs of a burst have one start, and ranks would"
                                       " be late for the first only")}
    if BACKEND == "host":
        assert {why for _, why in graph} == {"CUDA graphs: the host backend has none"}
    else:
        assert graph == {("0", ""), ("50", "skew: regions chained in a CUDA graph have one start,"
                                           " and ranks would be late for the first only")}


def test_cold_rows_say_so(tmp_path):
    done = launch(*QUICK, *FEW, "--cache", "warm,cold", "--scope", "output", "--out", tmp_path / "both")
    assert done.returncode == 0, done.stderr
    ids = {"cold_weights": set(), "cold": set()}
    for row in rows_of(tmp_path / "both"):
        ids[row["cache"]].add(row["case_id"])
        assert row["verified"] == "true"
        assert float(row["output_us_median"]) > 0 and int(row["samples"]) >= 6
    assert ids["cold_weights"] and ids["cold"] and not ids["cold_weights"] & ids["cold"]

    done = launch(*QUICK, *FEW, "--cold", "--scope", "output", "--out", tmp_path / "cold")
    assert done.returncode == 0, done.stderr
    assert {(row["cache"], row["case_id"]) for row in rows_of(tmp_path / "cold")} == {
        ("cold", case) for case in ids["cold"]}

    def forecast(*args):
        said = launch(*QUICK, *FEW, "--min-samples", "1000", "--dry-run", *args).stdout
        minutes, seconds = re.search(r"about (?:(\d+) min )?(\d+) s unless", said).groups()
        return 60 * int(minutes or 0) + int(seconds)

    assert forecast("--cold") > forecast() + 10, "reading so much memory takes its time"


def test_planted_rows_are_slower_and_no_results(tmp_path):
    planted = {"all_reduce_slice": "50", "all_reduce_dp_scatter": "200"}
    done = launch(*QUICK, "--tokens", "256", "--intermediate", "256", "--min-samples", "15",
                  "--plant", ",".join(f"{name}:{pct}" for name, pct in planted.items()),
                  "--out", tmp_path, ranks=1)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("on purpose (--plant): no result") == 3, "two warnings and a verdict"
    assert done.stdout.count("PLANTED") == 2
    assert "against" not in done.stdout and "*" not in done.stdout
    rows = {row["combine"]: row for row in rows_of(tmp_path)}
    for name, row in rows.items():
        assert row["verified"] == "true" and row["planted_pct"] == planted.get(name, "0")
        assert (row["instrumentation_pct"] == "") == (name in planted)
    # Experts take nearly all of a layer, whatever follows them: 2 and 3, but for busy cores.
    assert 1.4 < float(rows["all_reduce_slice"]["speedup_layer"]) < 2.8
    assert 2.1 < float(rows["reduce_scatterv_native"]["speedup_layer"]) < 4.2


def test_a_gemm_beside_is_a_case_of_its_own_with_times_of_its_own(tmp_path):
    done = launch(*QUICK, "--beside", "none,gemm", "--scope", "output", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path)
    alone, beside = ([row for row in rows if row["beside"] == what] for what in ("none", "gemm"))
    assert len(alone) == len(beside) == STRATEGIES
    assert {row["case_id"] for row in alone}.isdisjoint(row["case_id"] for row in beside)
    times = ["gemm_us_median", "beside_output_us_median", "beside_gemm_us_median",
             "together_us_median", "in_turn_us_median", "overlap_gain"]
    for row in beside:
        assert row["verified"] == "true"
        assert all(float(row[name]) > 0 for name in times) and float(row["gemm_slowdown_pct"]) > -100
    assert all(row[name] == "" for row in alone for name in [*times, "gemm_slowdown_pct"])
    assert len({row["gemm_us_median"] for row in beside}) == 1, "one time for all strategies"
    assert done.stdout.count("\n  beside the experts of a second batch, which take ") == 1
    with open(tmp_path / "results.samples.csv", newline="") as file:
        kinds = collections.defaultdict(set)
        for sample in csv.DictReader(file):
            kinds[sample["case_id"]].add(sample["kind"])
    more = {"gemm", "beside_output", "beside_gemm", "together", "in_turn"}
    assert kinds[beside[0]["case_id"]] == kinds[alone[0]["case_id"]] | more


def test_a_burst_says_why_nothing_runs_beside_it(tmp_path):
    assert launch(*QUICK, "--pipelined", "--beside", "gemm", "--out", tmp_path).returncode == 0
    assert {row["obstacle"] for row in rows_of(tmp_path)} == {
        "beside: in a burst back to back neither the exchange nor the GEMM has a time of its own"}

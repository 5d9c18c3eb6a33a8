"""What speed-ups are against, and strategies that have no comparable time or are wrong."""

import csv
import json
import subprocess
import sys

from program import FAULTY, QUICK, ROOT, launch, rows_of


def test_the_baseline_runs_though_it_was_not_named(tmp_path):
    assert launch(*QUICK, "--combine", "reduce_scatterv_native", "--verify", "off", "--out",
                  tmp_path).returncode == 0
    rows = rows_of(tmp_path)
    assert [row["combine"] for row in rows] == ["all_reduce_dp_scatter", "reduce_scatterv_native"]
    assert [row["speedup_output"] for row in rows][0] == "1"
    assert {row["verified"] for row in rows} == {""}


def test_speed_ups_are_against_the_chosen_baseline(tmp_path):
    """It runs first though it was not named, and the usual one need not run."""
    chosen = ["--combine", "reduce_scatterv_native", "--baseline", "all_reduce_slice", "--out"]
    assert launch(*QUICK, *chosen, tmp_path / "a").returncode == 0
    assert launch(*QUICK, "--out", tmp_path / "b").returncode == 0
    rows = rows_of(tmp_path / "a")
    assert [(row["combine"], row["is_baseline"]) for row in rows] == [
        ("all_reduce_slice", "true"), ("reduce_scatterv_native", "false")]
    assert rows[0]["speedup_output"] == rows[0]["speedup_layer"] == "1"
    assert float(rows[1]["speedup_output"]) > 0
    usual = [row for row in rows_of(tmp_path / "b") if row["is_baseline"] == "true"]
    assert [row["combine"] for row in usual] == ["all_reduce_dp_scatter"]
    assert usual[0]["case_id"] == rows[0]["case_id"], "strategies are no part of the case"


def test_a_baseline_that_cannot_run_leaves_times_and_no_speed_ups(tmp_path):
    done = launch(*QUICK, "--baseline", "never_reduced", "--combine", "all_reduce_slice", "--out",
                  tmp_path, program=FAULTY)
    assert done.returncode == 4
    wrong, right = rows_of(tmp_path)
    assert (wrong["combine"], wrong["is_baseline"], wrong["verified"]) == (
        "never_reduced", "true", "false")
    assert float(right["output_us_median"]) > 0 and right["speedup_output"] == ""


def test_a_strategy_of_weighted_rows_has_no_combine_of_its_own(tmp_path):
    done = launch(*QUICK, "--tokens", "7", "--load", "counts:3;0;1", "--shared-intermediate", "10",
                  "--combine", "reduce_scatterv_peer,weighted_then_reduced", "--out", tmp_path,
                  "--progress", "none", ranks=3, program=FAULTY)
    assert done.returncode == 0, done.stderr
    sums, peer, weighted = rows_of(tmp_path)
    assert (sums["form"], peer["form"], weighted["form"]) == (
        "all_reduce", "reduce_scatter", "all_reduce")
    assert (sums["input"], peer["input"], weighted["input"]) == (
        "partial_sums", "partial_sums:load_store", "weighted_rows")
    for row in (sums, peer, weighted):
        assert row["verified"] == "true" and row["repeatable"] == "true"
        for name in ("output_us_median", "layer_us_median", "speedup_output", "speedup_layer",
                     "limit_us", "contract_limit_us"):
            assert float(row[name]) > 0, (row["combine"], name)
        for name in ("combine_us_median", "combine_us_low", "combine_us_high", "combine_us_iqr",
                     "speedup_combine", "speedup_combine_low", "algbw_gbps", "busbw_gbps",
                     "pct_of_limit"):
            assert (row[name] == "") == (row is weighted), (row["combine"], name)
    (line,) = (line.split() for line in done.stdout.splitlines()
               if line.lstrip("* ").startswith("weighted_then_reduced"))
    assert "-" in line, line
    with open(tmp_path / "results.samples.csv", newline="") as file:
        kinds = {sample["kind"] for sample in csv.DictReader(file)
                 if sample["combine"] == "weighted_then_reduced"}
    assert kinds == {"layer", "output"}
    check = subprocess.run([sys.executable, ROOT / ".ci/check_schema.py", tmp_path / "results.csv"],
                           capture_output=True, text=True, timeout=60)
    assert check.returncode == 0, check.stdout


def test_without_partial_sums_to_compare_there_is_no_speed_up_of_the_combine(tmp_path):
    """Against a baseline of weighted rows."""
    done = launch(*QUICK, "--baseline", "weighted_then_reduced", "--combine", "all_reduce_slice",
                  "--out", tmp_path, "--progress", "none", program=FAULTY)
    assert done.returncode == 0, done.stderr
    weighted, right = rows_of(tmp_path)
    assert weighted["is_baseline"] == "true" and weighted["combine_us_median"] == ""
    assert float(right["combine_us_median"]) > 0 and right["speedup_combine"] == ""
    assert float(right["speedup_output"]) > 0 and float(right["speedup_layer"]) > 0


def test_a_wrong_result_has_no_time_and_ends_with_status_4(tmp_path):
    done = launch(*QUICK, "--shared-intermediate", "10", "--out", tmp_path, program=FAULTY)
    assert done.returncode == 4
    wrong = {"reduced_twice", "never_reduced", "stale_second_run", "routing_ignored",
             "input_overwritten"}
    assert done.stdout.count("WRONG, not timed: ") == len(wrong)
    for row in rows_of(tmp_path):
        assert row["verified"] == ("false" if row["combine"] in wrong else "true")
        assert (row["output_us_median"] == "") == (row["combine"] in wrong)
        assert (row["detail"] != "") == (row["combine"] in wrong)
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "wrong_result"
    samples = (tmp_path / "results.samples.csv").read_text()
    assert not any(name in samples for name in wrong)

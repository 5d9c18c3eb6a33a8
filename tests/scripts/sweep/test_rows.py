"""Rows of a sweep and their samples: verified, timed, with limits and numerics."""

import csv

import pytest
from program import QUICK, exchanges, launch, rows_of
from strategies import STRATEGIES


def test_every_row_is_verified_and_timed(finished):
    folder, _ = finished
    rows = rows_of(folder)
    assert len(rows) == 2 * 3 * 2 * 2 * STRATEGIES
    assert len({row["case_id"] for row in rows}) == len(rows) / STRATEGIES
    for row in rows:
        assert row["verified"] == "true"
        assert row["obstacle"] == ""
        assert float(row["output_us_median"]) > 0
        assert int(row["samples"]) >= 6
        assert row["claim"] in ("memory", "functional")
        assert row["experts_kernel"] == ("blas_f32" if row["tokens"] == "7" else "")
    hot = next(row for row in rows if row["load"] == "hot" and row["tokens"] == "7")
    assert hot["tokens_per_rank"] == "7;0;0"
    assert {row["variant"] for row in rows if row["combine"] == "reduce_scatterv_collapse"} == {
        "reduce_scatter", "grouped"}


def test_numerics_are_results(finished):
    folder, _ = finished
    for row in rows_of(folder):
        with_rows = row["tokens"] == "7"
        assert (float(row["rms_error"]) > 0) == with_rows
        assert row["repeatable"] == "true"
        assert row["owner_independent"] in (("true", "false") if with_rows else ("",))
        if with_rows and row["combine"] == "reduce_scatterv_alltoallv":
            assert row["owner_independent"] == "true", "it adds in the order of the ranks"


def test_rows_with_a_time_know_their_limits(finished):
    folder, _ = finished
    for row in exchanges(rows_of(folder)):
        if row["tokens"] == "0":
            continue
        for name in ("contract_limit_us", "limit_us", "pct_of_limit"):
            assert float(row[name]) > 0, name
        assert float(row["pct_of_limit"]) == pytest.approx(
            100 * float(row["limit_us"]) / float(row["combine_us_median"]), rel=1e-4)
        assert ("above_limit" in row["flags"].split(";")) == (float(row["pct_of_limit"]) > 110)
    for row in rows_of(folder):
        if row["tokens"] == "0":
            assert row["limit_us"] == row["pct_of_limit"] == "", "nothing moves"
            assert row["flags"] in ("", "disturbed")
            assert row["output_limit_us"] == row["pct_of_output_limit"] == ""
            continue
        least = 0 if row["input"].startswith("weighted_rows") else float(row["limit_us"])
        assert float(row["output_limit_us"]) > least, "the local combine comes on top"
        assert float(row["pct_of_output_limit"]) == pytest.approx(
            100 * float(row["output_limit_us"]) / float(row["output_us_median"]), rel=1e-4)


def test_one_rank_has_no_link_and_still_a_limit(tmp_path):
    assert launch(*QUICK, "--scope", "output", "--out", tmp_path, ranks=1).returncode == 0
    for row in rows_of(tmp_path):
        assert row["link_bytes_per_rank"] == "0"
    for row in exchanges(rows_of(tmp_path)):
        assert float(row["limit_us"]) >= float(row["contract_limit_us"]) > 0


def test_samples_add_up_to_the_rows(finished):
    folder, _ = finished
    with open(folder / "results.samples.csv", newline="") as file:
        samples = list(csv.DictReader(file))
    for row in rows_of(folder)[:8]:
        own = [float(sample["us"]) for sample in samples
               if (sample["case_id"], sample["combine"], sample["kind"])
               == (row["case_id"], row["combine"], "output")]
        assert len(own) == int(row["samples"])
        own.sort()
        median = (own[(len(own) - 1) // 2] + own[len(own) // 2]) / 2
        assert median == pytest.approx(float(row["output_us_median"]), rel=1e-4, abs=2e-3)
    assert {sample["kind"] for sample in samples} == {"layer", "output", "combine"}


def test_speed_up_is_the_median_of_paired_ratios(finished):
    folder, _ = finished
    with open(folder / "results.samples.csv", newline="") as file:
        samples = list(csv.DictReader(file))
    # Not of a step without tokens: its samples are of some ten nanoseconds, and have as many digits.
    row = next(row for row in rows_of(folder)
               if row["combine"] == "reduce_scatterv_native" and row["tokens"] != "0")

    def series(combine):
        return {sample["round"]: float(sample["us"]) for sample in samples
                if (sample["case_id"], sample["combine"], sample["kind"])
                == (row["case_id"], combine, "output")}

    baseline, own = series("all_reduce_dp_scatter"), series("reduce_scatterv_native")
    ratios = sorted(baseline[round_] / own[round_] for round_ in own)
    median = (ratios[(len(ratios) - 1) // 2] + ratios[len(ratios) // 2]) / 2
    assert median == pytest.approx(float(row["speedup_output"]), rel=1e-2)


def test_scope_output_takes_no_layer_samples(tmp_path):
    assert launch(*QUICK, "--scope", "output", "--out", tmp_path).returncode == 0
    for row in rows_of(tmp_path):
        assert row["layer_us_median"] == "" and row["gather_us_median"] == ""
    for row in exchanges(rows_of(tmp_path)):
        assert float(row["combine_us_median"]) > 0


def test_an_epilogue_ends_the_steps_of_all_strategies(tmp_path):
    done = launch(*QUICK, "--epilogue", "none,residual_norm", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path)
    assert [row["epilogue"] for row in rows] == ["none"] * STRATEGIES + [
        "residual_norm"] * STRATEGIES
    assert len({(row["case_id"], row["epilogue"]) for row in rows}) == 2
    assert len({row["case_id"] for row in rows}) == 2
    assert {row["epilogue_kernel"] for row in rows[:STRATEGIES]} == {""}
    kernel = {row["combine"]: row["epilogue_kernel"] for row in rows[STRATEGIES:]}
    assert kernel["all_reduce_dp_scatter"] == kernel["reduce_scatterv_grouped"] == "own"
    assert kernel["reduce_scatterv_peer"] == kernel["reduce_scatterv_push"] == "fused"
    for row in rows:
        assert (row["verified"], row["obstacle"]) == ("true", "")
        assert float(row["layer_us_median"]) > 0 and float(row["output_us_median"]) > 0


def test_how_samples_came_about_is_in_the_row(finished):
    folder, _ = finished
    for row in rows_of(folder):
        assert (row["cache"], row["mode"], row["planted_pct"]) == ("cold_weights", "isolated", "0")
        assert 1 <= int(row["repeats"]) <= 200
        for kind in ("layer", "output", *(["combine"] if exchanges([row]) else [])):
            assert float(row[f"{kind}_us_iqr"]) >= 0
        assert 0.001 <= float(row["predecessor_p"]) <= 1
        assert float(row["predecessor_pct"]) >= 0

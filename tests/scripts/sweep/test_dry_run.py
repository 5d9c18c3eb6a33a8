"""What a sweep will need: forecasts of time and memory, and a limit of time."""

import json
import re

import pytest
from program import QUICK, launch, rows_of
from strategies import STRATEGIES


def test_a_sweep_ends_in_time_and_resume_does_the_rest(tmp_path):
    sweep = [*QUICK, "--tokens", "6,7,8", "--combine", "all_reduce_slice", "--out", tmp_path]
    done = launch(*sweep, "--time", "0.001")
    assert done.returncode == 0, done.stderr
    assert "2 of 3 cases did not fit into the time of --time; the same command with --out" in done.stdout
    assert {row["tokens"] for row in rows_of(tmp_path)} == {"6"}, "one case runs in any case"
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "out_of_time"
    done = launch(*sweep, "--resume")
    assert done.returncode == 0, done.stderr
    assert [row["tokens"] for row in rows_of(tmp_path)][::2] == ["6", "7", "8"]
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "complete"


def test_the_sweep_expects_the_time_that_a_dry_run_forecasts(tmp_path):
    """Nearly all of it is the budget, of which little is spent where any interval will do."""
    sweep = [*QUICK, "--tokens", "6,7", "--budget", "60", "--ci", "1e9", "--combine",
             "all_reduce_slice", "--out", tmp_path]

    def expected(*args):
        said = launch(*sweep, *args).stdout
        minutes, seconds = re.findall(r"about (\d+) min (\d+) s", said)[-1]
        return 60 * int(minutes) + int(seconds)

    forecast = expected("--dry-run")
    assert forecast >= 120
    assert expected() == pytest.approx(forecast, rel=0.2)


def test_a_case_that_does_not_fit_says_what_it_needs(tmp_path):
    done = launch("--hidden", "65536", "--experts", "4096", "--intermediate", "65536", "--tokens",
                  "4", "--out", tmp_path)
    assert done.returncode == 0
    assert "no case could run" in done.stderr
    for row in rows_of(tmp_path):
        assert re.search(r"needs [\d.]+ GiB .* of [\d.]+ GiB free", row["obstacle"])
        assert row["verified"] == "" and row["layer_us_median"] == ""


def test_a_dry_run_says_what_would_happen_and_does_nothing(tmp_path):
    done = launch(*QUICK, "--dry-run", "--dp", "2,3", "--tokens", "6,12", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cannot run: dp 3 does not divide 2 ranks") == 2
    assert len(re.findall(r"\n    [\d.]+ GiB for each rank, about \d+ s\n", done.stdout)) == 2
    assert f"2 of 4 cases can run, with {STRATEGIES} strategies each" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_says_how_many_cases_a_limit_of_time_leaves_out(tmp_path):
    done = launch(*QUICK, "--dry-run", "--tokens", "6,7,8", "--time", "0.001", cwd=tmp_path)
    assert "3 of 3 cases can run" in done.stdout
    assert "before. 2 of them will not fit into --time. Nothing was measured" in done.stdout


def test_a_dry_run_knows_what_does_not_fit(tmp_path):
    done = launch("--dry-run", "--model", "kimi-k2", "--layers", "60", "--tokens", "8", "--load",
                  "balanced", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"cannot run: needs [\d.]+ GiB .* of [\d.]+ GiB free", done.stdout)

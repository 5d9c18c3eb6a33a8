"""What a sweep prints: progress, tables, and the summary at its end."""

import csv
import re
import statistics

import pytest
from program import QUICK, launch, rows_of
from strategies import STRATEGIES


def test_the_sentence_compares_the_best_form_of_each_kind_round_by_round(tmp_path):
    """Of the cases that may have a verdict: none where ranks share a core."""
    done = launch(*QUICK, "--scope", "output", "--tokens", "64,96", "--out", tmp_path)
    said = re.findall(r"^  (\w+) against (\w+), the best form of each kind: ([\d.]+) times the speed"
                      r" of the output step \[[\d.]+, [\d.]+\]", done.stdout, re.MULTILINE)
    cases, samples = {}, {}
    for row in rows_of(tmp_path):
        cases.setdefault(row["case_id"], []).append(row)
    cases = {case: rows for case, rows in cases.items() if not rows[0]["no_verdict"]}
    with open(tmp_path / "results.samples.csv", newline="") as file:
        for sample in csv.DictReader(file):
            if sample["kind"] == "output":
                key = sample["case_id"], sample["combine"]
                samples.setdefault(key, []).append(float(sample["us"]))
    assert len(said) == len(cases)
    for (case, rows), (scatter, all_reduce, times) in zip(cases.items(), said):
        medians = {row["combine"]: float(row["output_us_median"]) for row in rows}
        for name, form in ((scatter, "reduce_scatter"), (all_reduce, "all_reduce")):
            best = min(us for combine, us in medians.items() if combine.startswith(form))
            assert name.startswith(form) and medians[name] == best
        ratios = [a / b for a, b in zip(samples[case, all_reduce], samples[case, scatter])]
        assert statistics.median(ratios) == pytest.approx(float(times), abs=0.01)


def test_progress_and_tables_are_readable(finished):
    _, done = finished
    assert "[1/24] custom" in done.stderr and "left)" in done.stderr
    assert "\x1b" not in done.stderr
    assert "all_reduce_dp_scatter" in done.stdout and "(baseline)" in done.stdout
    assert len(re.findall(r"(?m)^\* |: no verdict[ .]", done.stdout)) == 24, "a winner, or why none"


def test_progress_bar_and_silence_on_request(tmp_path):
    assert "\x1b[K" in launch(*QUICK, "--progress", "bar", "--out", tmp_path / "a").stderr
    assert launch(*QUICK, "--progress", "none", "--out", tmp_path / "b").stderr == ""


def test_a_progress_bar_fits_into_the_terminal_and_names_the_phase(tmp_path):
    columns = 60
    done = launch(*QUICK, "--tokens", "6,7", "--progress", "bar", "--out", tmp_path,
                  env={"COLUMNS": str(columns)})
    assert done.returncode == 0, done.stderr
    bars = [bar for bar in re.split(r"[\r\n]|\x1b\[K", done.stderr) if bar]
    assert bars and max(map(len, bars)) < columns
    said = "\n".join(bars)
    for phase in ("preparing", "verifying", "output step", "combine", "layer"):
        assert f" left, {phase}" in said, said
    assert not re.search(r" 0 s left", said)


def test_the_end_of_a_sweep_sums_it_up(finished):
    folder, done = finished
    end = done.stdout.splitlines()[-5:]
    assert end[0] in ("Fastest output step (speed-up against all_reduce_dp_scatter):",
                      "Measured:"), "the latter where ranks share cores"
    assert re.match(r"  custom bf16: 12 cases[:,] ", end[1]) and "custom f16" in end[2]
    assert f"{24 * STRATEGIES} rows with a time, 0 with an obstacle, 0 wrong" in end[3]
    assert end[4] == f"charts: scripts/plot.py '{folder}/results.csv' --out '{folder}/plots'"

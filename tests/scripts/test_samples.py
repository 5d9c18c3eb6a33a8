"""Speed-ups from samples: as the program makes them of the baseline's."""

import csv
import math
from pathlib import Path

import pytest
from moe_results import ResultsError, read_results
from reference import ENGINE, over_reference
from samples import Samples, read_samples
from synthetic import BASELINE, NATIVE, timed, write_rows

ENGINE_FORM = "all_reduce_engine_dp_scatter"
MEASURED = Path(__file__).resolve().parents[2] / "results/amd-epyc-2-cores/qwen3-30b-a3b"
HEADER = ("run_id", "case_id", "combine", "kind", "round", "us", "arrival_spread_us")


def write_samples(folder, series, header=HEADER):
    """By strategy, of run a1 and case c: (round, us) of its output samples."""
    with (folder / "results.samples.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        for combine, times in series.items():
            writer.writerows(["a1", "c", combine, "output", at, us, 0] for at, us in times)


def engine_case(folder):
    """By the medians NATIVE takes half as long as the engine's form; their intervals are wide."""
    rows = [timed(name, us, backend="cuda", output_us_low=us / 2, output_us_high=us * 2)
            for name, us in ((BASELINE, 300.0), (ENGINE_FORM, 200.0), (NATIVE, 100.0))]
    write_rows(folder, rows)
    return folder


def speedup_of(folder, combine=NATIVE):
    rows = over_reference(read_results([folder]), ENGINE, read_samples([folder]))
    row = next(row for row in rows if row["combine"] == combine)
    return row["speedup_output"], row["speedup_output_low"], row["speedup_output_high"]


def test_of_the_baseline_they_are_what_the_program_wrote():
    rows = read_results([MEASURED])
    samples = read_samples([MEASURED])
    baselines = {row["case_id"]: row for row in rows if row["is_baseline"] == "true"}
    compared = 0
    for row in rows:
        for kind, name in (("output", "speedup_output"), ("layer", "speedup_layer")):
            found = samples.speedup(row, baselines[row["case_id"]], kind)
            wanted = [row[f"{name}{end}"] for end in ("", "_low", "_high")]
            if row["is_baseline"] == "false" and found:
                # Samples are written in nanoseconds.
                assert [found.median, found.low, found.high] == pytest.approx(wanted, rel=1e-4)
                compared += 1
    assert compared > 50


def test_ratios_are_of_the_same_round(tmp_path):
    """Both drift by a factor of 8; in each round NATIVE takes 0.8 times as long."""
    folder = engine_case(tmp_path)
    drift = [2 ** (at % 4) for at in range(12)]
    write_samples(folder, {ENGINE_FORM: [(at, 100 * us) for at, us in enumerate(drift)],
                           NATIVE: [(at, 80 * us) for at, us in enumerate(drift)][::-1]})
    assert speedup_of(folder) == pytest.approx((1.25, 1.25, 1.25))
    assert speedup_of(folder, ENGINE_FORM) == (1, 1, 1)


def test_rounds_of_one_side_alone_do_not_count(tmp_path):
    folder = engine_case(tmp_path)
    write_samples(folder, {ENGINE_FORM: [(at, 100) for at in range(0, 12, 2)],
                           NATIVE: [(at, 50 if at % 2 == 0 else 1e9) for at in range(12)]})
    assert speedup_of(folder) == (2, 2, 2)


@pytest.mark.parametrize("rounds", [0, 5])
def test_too_few_rounds_leave_it_to_the_medians(tmp_path, rounds):
    folder = engine_case(tmp_path)
    write_samples(folder, {name: [(at, 7) for at in range(rounds)]
                           for name in (ENGINE_FORM, NATIVE)})
    assert speedup_of(folder) == (2, 0.5, 8)


def test_without_samples_there_are_none(tmp_path):
    folder = engine_case(tmp_path)
    rows = read_results([folder])
    assert read_samples([folder]).speedup(rows[0], rows[1], "output") is None
    assert Samples().speedup(rows[0], rows[1], "output") is None
    assert not any(math.isnan(value) for value in speedup_of(folder))


@pytest.mark.parametrize("text, complaint", [
    ("run_id,us\n", "is no samples file of bench_moe_comm"),
    (f"{','.join(HEADER)}\na1,c,x,output,0,fast,0\na1,c,x,output,1,2,0\n",
     "2: no row of samples"),
    (f"{','.join(HEADER)}\na1,c,x,output\na1,c,x,output,1,2,0\n", "2: no row of samples"),
])
def test_a_file_that_is_none_is_one_line(tmp_path, text, complaint):
    folder = engine_case(tmp_path)
    (folder / "results.samples.csv").write_text(text)
    with pytest.raises(ResultsError, match=complaint):
        read_samples([folder])


def test_a_last_line_that_was_cut_is_left_out(tmp_path):
    folder = engine_case(tmp_path)
    times = {name: [(at, us) for at in range(7)] for name, us in ((ENGINE_FORM, 30), (NATIVE, 10))}
    write_samples(folder, times)
    file = folder / "results.samples.csv"
    file.write_text(file.read_text()[:-7])
    assert speedup_of(folder) == (3, 3, 3)


def test_a_csv_file_has_its_samples_beside_it_by_its_name(tmp_path):
    folder = engine_case(tmp_path)
    (folder / "results.csv").rename(folder / "x.csv")
    write_samples(folder, {name: [(at, us) for at in range(6)]
                           for name, us in ((ENGINE_FORM, 30), (NATIVE, 10))})
    (folder / "results.samples.csv").rename(folder / "x.samples.csv")
    assert speedup_of(folder / "x.csv") == (3, 3, 3)

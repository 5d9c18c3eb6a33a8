"""The program from outside, as users and CI call it: statuses, files, and what it says."""

import csv
import json
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from program import (AS_ROOT, BACKEND, FAULTY, FULL, OVER_PEERS, PROGRAM, QUICK, ROOT, SMALL,
                     command, launch, rows_of, two_hosts)

GOLDEN = ROOT / "tests/golden"
LISTED = subprocess.run([PROGRAM, "--list", "combines"], capture_output=True, text=True, timeout=60,
                        check=True).stdout.splitlines()
STRATEGIES = sum(not line.endswith("(by name only)") for line in LISTED)  # those that run unasked


BAD_ARGUMENTS = [
    (["--no-such-option"], "--no-such-option"),
    (["stray"], "stray"),
    (["--backend", "tpu"], "there are: host"),
    (["--model", "gpt-9"], "qwen3-30b-a3b"),
    (["--model", "custom,"], "an empty name"),
    (["--hidden", "0"], "is not from 1 to"),
    (["--hidden", "12.5"], "12.5"),
    (["--experts", "8", "--top-k", "9"], "only 8 experts"),
    (["--experts", "4,8"], "one whole number"),
    (["--top-k", "0"], "is not from 1 to"),
    (["--hidden", "100000"], "is not from 1 to 65536"),
    (["--intermediate", "-1"], "is not from 1 to"),
    (["--shared-intermediate", "x"], "'x'"),
    (["--scoring", "argmax"], "there are: softmax, sigmoid, sqrtsoftplus"),
    (["--shared-intermediate", "0", "--shared-gate"], "--shared-gate: custom has no shared expert"),
    (["--model", "deepseek-v3,qwen3-30b-a3b", "--shared-gate"],
     "--shared-gate: qwen3-30b-a3b has no shared expert"),
    (["--scale-experts", "3"], "32 experts"),
    (["--scale-experts", "0"], "is not from 1 to"),
    (["--tokens", "16:1024"], "first:last:xFACTOR"),
    (["--tokens", "-4"], "is not from 0 to"),
    (["--tokens", "99999999999999999999"], "99999999999999999999"),
    (["--tokens", ""], "--tokens"),
    (["--dp", "0"], "is not from 1 to"),
    (["--dp", "two"], "'two'"),
    (["--ep", "1.5"], "'1.5'"),
    (["--load", "lukewarm"], "balanced, linear, zipf:S, hot"),
    (["--load", "zipf:0"], "S above 0"),
    (["--load", "idle:0"], "idle:K is wanted"),
    (["--load", "idle:4"], "idle:4 leaves no DP rank with tokens, dp is 4"),
    (["--load", "idle:2", "--dp", "1,2"], "idle:2 leaves no DP rank with tokens, dp is 1"),
    (["--load", "mixed:512"], "mixed:C:B is wanted"),
    (["--load", "mixed:0:8"], "C rows on DP rank 0, from 1 to"),
    (["--load", "mixed:512:8,mixed:64:1", "--tokens", "64"],
     "--tokens '64': every --load is mixed:C:B"),
    (["--routing", "zipf"], "uniform and zipf:S"),
    (["--routing", "zipf:x"], "'zipf:x'"),
    (["--phase", "decode"], "--padding sglang"),
    (["--padding", "sglang", "--phase", "train"], "prefill, decode, mixed"),
    (["--padding", "sum_len", "--load", "mixed:8:1", "--phase", "mixed"], "--padding sglang"),
    (["--skew", "-5"], "is not from 0 to 1000000"),
    (["--skew", "1000001"], "is not from 0 to 1000000"),
    (["--skew", "late"], "'late'"),
    (["--sms", "0"], "is not from 1 to 1024"),
    (["--sms", "default,"], "''"),
    (["--sms", "most"], "or default"),
    (["--layers", "0"], "is not from 1 to"),
    (["--layers", "2", "--scope", "output"], "times no layers"),
    (["--load", "counts:1;2;x;4"], "'x'"),
    (["--load", "counts:1;2;3"], "3 shares, but dp is 4"),
    (["--padding", "max"], "sum_len, max_len, sglang"),
    (["--padding", "sglang:0.5.21"], "sglang, sglang:0.5.22, sglang:0.5.23"),
    (["--combine", "all_gather"], "reduce_scatterv_native"),
    (["--baseline", "nccl"], "no combine is named 'nccl'; there are: all_reduce_dp_scatter"),
    (["--baseline", "all_reduce_slice,reduce_scatterv_native"], "no combine is named"),
    (["--gather", "none"], "all_gatherv"),
    (["--dtype", "fp4"], "f32, bf16, f16"),
    (["--scope", "model"], "layer, output"),
    (["--seed", "one"], "'one'"),
    (["--ci", "0"], "above 0"),
    (["--budget", "soon"], "'soon'"),
    (["--budget", "-1"], "above 0"),
    (["--min-samples", "0"], "is not from 1 to"),
    (["--time", "0"], "--time '0': a number above 0"),
    (["--cold", "--pipelined"], "between runs back to back"),
    (["--cache", "lukewarm"], "--cache 'lukewarm': there are: warm, cold"),
    (["--auto-table", "t.json"], "only reduce_scatterv_auto reads it"),
    (["--combine", "reduce_scatterv_auto", "--auto-table", "t.json"],
     "table of strategies 't.json': cannot be read: No such file or directory; wanted is"),
    (["--plant", "all_gather:30"], "no combine is named 'all_gather'"),
    (["--plant", "all_reduce_slice"], "NAME:PCT"),
    (["--plant", "all_reduce_slice:much"], "a number above 0"),
    (["--plant", "all_reduce_slice:0"], "a number above 0"),
    (["--plant", "all_reduce_slice:-5"], "a number above 0"),
    (["--plant", "all_reduce_slice:1e9"], "at most 10000 %"),
    (["--plant", "all_reduce_slice:5,all_reduce_slice:6"], "named twice"),
    (["--plant", "all_reduce_slice:5", "--combine", "reduce_scatterv_native"],
     "not one of the strategies that --combine or --baseline names"),
    (["--plant", "all_reduce_dp_scatter:5", "--combine", "all_reduce_slice", "--baseline",
      "reduce_scatterv_native"], "not one of the strategies that --combine or --baseline names"),
    (["--verify", "maybe"], "exact, full, off"),
    (["--progress", "loud"], "bar, plain, none"),
    (["--list", "everything"], "models, combines, gathers, backends, columns"),
    (["--launch", "2"], "I/K is wanted"),
    (["--launch", "8/7"], "is not from 1 to 7"),
    (["--launch", "0/7"], "is not from 1 to 7"),
    (["--timeout", "never"], "'never'"),
    (["--resume"], "--out or --csv"),
    (["--tokens", "1:100000:+1", "--load", "balanced,hot"], "200000 cases; one sweep has at most"),
    (["--tokens", "1:100000:+1", "--hidden", "1:65536:+1", "--dp", "1:100000:+1", "--ep",
      "1:100000:+1"], "e+20 cases"),
    (["--model", "two\nlines"], r"'two\x0alines'"),
    (["--no-such\x1b[31m"], r"--no-such\x1b[31m"),
]


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """What the program did with each of BAD_ARGUMENTS, and where: several at a time, because most
    of it is starting up. The folders are made before the threads start: pytest's factory is not
    made for several threads."""
    folders = [tmp_path_factory.mktemp("refused") for _ in BAD_ARGUMENTS]

    def attempt(case, folder):
        # That of four ranks one speaks a few cases show. Only for these two options does it matter
        # how many there are.
        several = FULL or BAD_ARGUMENTS.index(case) % 8 == 0 or {"--dp", "--load"} & {*case[0]}
        if several:
            return launch(*case[0], ranks=4, cwd=folder), folder
        return subprocess.run([PROGRAM, *case[0]], capture_output=True, text=True, timeout=60,
                              cwd=folder, stdin=subprocess.DEVNULL, check=False), folder

    with ThreadPoolExecutor(4) as pool:
        return dict(zip((str(args) for args, _ in BAD_ARGUMENTS),
                        pool.map(attempt, BAD_ARGUMENTS, folders)))


@pytest.mark.parametrize(("args", "said"), BAD_ARGUMENTS, ids=lambda value: " ".join(value)
                         if isinstance(value, list) else None)
def test_bad_argument_gets_one_line_and_status_2(args, said, refusals):
    done, folder = refusals[str(args)]
    assert done.returncode == 2, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("bench_moe_comm: ")
    assert said in lines[0]
    assert list(folder.iterdir()) == [], "nothing may be written"


def test_help_and_lists_need_no_mpirun(tmp_path):
    def alone(*args):
        return subprocess.run([PROGRAM, *args], capture_output=True, text=True, cwd=tmp_path,
                              timeout=60)

    assert "--tokens" in alone("--help").stdout
    models = alone("--list", "models").stdout
    assert re.search(r"^gpt-oss-120b +2880 +128 +4 +2880 +none +softmax +36 +config.json of", models,
                     re.MULTILINE)
    assert "reduce_scatterv_grouped" in alone("--list", "combines").stdout
    assert "all_reduce_zero_fill" in alone("--list", "gathers").stdout
    assert "host" in alone("--list", "backends").stdout
    columns = alone("--list", "columns").stdout.splitlines()
    assert columns[0].split() == ["column", "kind", "cell", "unit", "meaning"]
    assert "layer_us_min             number      us          fastest sample" in columns
    assert list(tmp_path.iterdir()) == []


def test_the_version_is_one_line_that_names_the_revision_and_the_libraries(tmp_path):
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, cwd=tmp_path,
                          timeout=60)
    assert done.returncode == 0 and done.stderr == ""
    assert re.fullmatch(r"bench_moe_comm \d+\.\d+\.\d+, revision ([0-9a-f]{12}|unknown)( with changes)?;"
                        r" host: [^\n]*MPI[^\n]*\n", done.stdout), done.stdout
    assert list(tmp_path.iterdir()) == []


def test_every_option_is_in_the_readme():
    helped = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=60).stdout
    readme = (ROOT / "README.md").read_text()
    missing = [name for name in re.findall(r"--[a-z-]+", helped) if f"`{name}" not in readme]
    assert set(missing) <= {"--help"}, missing


def test_the_fuzzer_knows_every_option():
    helped = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=60).stdout
    dictionary = (ROOT / "tests/fuzz/options.dict").read_text().splitlines()
    assert {name for name in re.findall(r"--[a-z-]+", helped)
            if f'"{name}"' not in dictionary} == set()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One small sweep on three ranks, with an idle one, and what it left."""
    folder = tmp_path_factory.mktemp("sweep")
    environment = {"NCCL_TEST_VARIABLE": "kept", "AWS_SECRET_ACCESS_KEY": "s3cr3t"}
    done = launch(*QUICK, "--tokens", "0,7", "--load", "balanced,hot,counts:3;0;1", "--dtype",
                  "bf16,f16", "--gather", "all_reduce_zero_fill,all_gather_padded",
                  "--shared-intermediate", "10", "--out", folder, "--progress", "plain", ranks=3,
                  env=environment)
    assert done.returncode == 0, done.stderr
    return folder, done


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
    timed = [row for row in rows_of(folder) if row["tokens"] == "7"]
    for row in timed:
        for name in ("contract_limit_us", "limit_us", "pct_of_limit"):
            assert float(row[name]) > 0, name
        assert float(row["pct_of_limit"]) == pytest.approx(
            100 * float(row["limit_us"]) / float(row["combine_us_median"]), rel=1e-4)
        assert ("above_limit" in row["flags"].split(";")) == (float(row["pct_of_limit"]) > 110)
    for row in rows_of(folder):
        if row["tokens"] == "0":
            assert row["limit_us"] == row["pct_of_limit"] == row["flags"] == "", "nothing moves"


def test_one_rank_has_no_link_and_still_a_limit(tmp_path):
    assert launch(*QUICK, "--scope", "output", "--out", tmp_path, ranks=1).returncode == 0
    for row in rows_of(tmp_path):
        assert row["link_bytes_per_rank"] == "0"
        assert float(row["limit_us"]) >= float(row["contract_limit_us"]) > 0


BROKEN_CELLS = [
    ({"pct_of_limit": "1"}, "pct_of_limit is '1', not"),
    ({"limit_us": "", "pct_of_limit": ""}, "limit_us is ''"),
    ({"flags": "above_limit"}, "flags are 'above_limit'"),
    ({"flags": "odd"}, "no flag is named 'odd'"),
    ({"no_verdict": "odd"}, "no_verdict is 'odd', not"),
    ({"hidden": "1.5"}, "hidden: '1.5' is no count"),
    ({"rms_error": "low"}, "rms_error: 'low' is no number"),
    ({"shared_gate": "TRUE"}, "shared_gate: 'TRUE' is no flag"),
    ({"contract_limit_us": "1e-3"}, "2 contract limits"),
    ({"experts_kernel": ""}, "no experts_kernel"),
    ({"input": "weighted_rows"}, "input is 'weighted_rows'"),
    ({"form": "all_gather"}, "no form is named 'all_gather'"),
    ({"combine_us_median": ""}, "pct_of_limit is"),
]


@pytest.mark.parametrize(("cells", "said"), BROKEN_CELLS, ids=str)
def test_the_schema_check_sees_cells_that_make_no_sense(cells, said, finished, tmp_path):
    folder, _ = finished
    rows = rows_of(folder)
    at = next(i for i, row in enumerate(rows) if row["tokens"] == "7" and row["flags"] == "")
    rows[at].update(cells)
    with open(tmp_path / "results.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    check = subprocess.run([sys.executable, ROOT / ".ci/check_schema.py", tmp_path / "results.csv"],
                           capture_output=True, text=True, timeout=60)
    assert check.returncode == 1
    assert [line for line in check.stdout.splitlines() if said in line], check.stdout


def test_rows_meet_the_documented_schema(finished):
    folder, _ = finished
    check = subprocess.run([sys.executable, ROOT / ".ci/check_schema.py", folder / "results.csv"],
                           capture_output=True, text=True, timeout=60)
    assert check.returncode == 0, check.stdout + check.stderr


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
    row = next(row for row in rows_of(folder) if row["combine"] == "reduce_scatterv_native")

    def series(combine):
        return {sample["round"]: float(sample["us"]) for sample in samples
                if (sample["case_id"], sample["combine"], sample["kind"])
                == (row["case_id"], combine, "output")}

    baseline, own = series("all_reduce_dp_scatter"), series("reduce_scatterv_native")
    ratios = sorted(baseline[round_] / own[round_] for round_ in own)
    median = (ratios[(len(ratios) - 1) // 2] + ratios[len(ratios) // 2]) / 2
    assert median == pytest.approx(float(row["speedup_output"]), rel=1e-2)


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


def test_provenance_has_its_keys_and_no_secrets(finished):
    folder, _ = finished
    text = (folder / "results.json").read_text()
    assert "s3cr3t" not in text and "AWS" not in text
    runs = json.loads(text)["runs"]
    (run_id, run), = runs.items()
    assert sorted(run) == (GOLDEN / "provenance_keys.txt").read_text().split()
    assert run["environment"]["NCCL_TEST_VARIABLE"] == "kept"
    assert run_id == rows_of(folder)[0]["run_id"]
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", run["git_revision"])
    status = json.loads((folder / "status.json").read_text())
    assert status["state"] == "complete"
    assert status["rows"] == len(rows_of(folder))


@pytest.mark.parametrize("kind", ["combine", "gather"])
def test_every_strategy_is_in_the_readme(kind):
    table = (ROOT / "README.md").read_text().split(f"| strategy (`--{kind}`) |")[1].split("\n\n")[0]
    listed = launch("--list", f"{kind}s", ranks=1).stdout.splitlines()
    explained = re.findall(r"(?m)^\| `(\w+)` \|", table)
    # A way of a strategy, name:variant, is in the row of its name.
    assert set(explained) >= {line.split()[0].split(":")[0] for line in listed}
    assert len(set(explained)) == len(explained)


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


def test_the_end_of_a_sweep_sums_it_up(finished):
    folder, done = finished
    end = done.stdout.splitlines()[-5:]
    assert end[0] in ("Fastest output step (speed-up against all_reduce_dp_scatter):",
                      "Measured:"), "the latter where ranks share cores"
    assert re.match(r"  custom bf16: 12 cases[:,] ", end[1]) and "custom f16" in end[2]
    assert f"{24 * STRATEGIES} rows with a time, 0 with an obstacle, 0 wrong" in end[3]
    assert end[4] == f"charts: scripts/plot.py '{folder}/results.csv' --out '{folder}/plots'"


def test_the_same_file_twice_holds_both_runs(tmp_path):
    for _ in range(2):
        assert launch(*QUICK, "--csv", tmp_path / "mine.csv").returncode == 0
    with open(tmp_path / "mine.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    runs = {row["run_id"] for row in rows}
    assert len(rows) == 2 * STRATEGIES and len(runs) == 2
    assert set(json.loads((tmp_path / "mine.json").read_text())["runs"]) == runs
    assert {row["case_id"] for row in rows} == {rows[0]["case_id"]}, "same inputs, same id"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mine.csv", "mine.json", "mine.samples.csv", "mine.status.json"]


def test_a_file_with_other_columns_is_left_alone(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("a,b\n1,2\n")
    done = launch(*QUICK, "--out", tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and "other columns" in done.stderr
    assert path.read_text() == "a,b\n1,2\n"


def test_a_folder_that_cannot_be_made_is_found_before_the_sweep(tmp_path):
    (tmp_path / "file").write_text("")
    done = launch(*QUICK, "--out", tmp_path / "file" / "below", ranks=3)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


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


def test_a_case_that_does_not_fit_says_what_it_needs(tmp_path):
    done = launch("--hidden", "65536", "--experts", "4096", "--intermediate", "65536", "--tokens",
                  "4", "--out", tmp_path)
    assert done.returncode == 0
    assert "no case could run" in done.stderr
    for row in rows_of(tmp_path):
        assert re.search(r"needs [\d.]+ GiB .* of [\d.]+ GiB free", row["obstacle"])
        assert row["verified"] == "" and row["layer_us_median"] == ""


@pytest.mark.parametrize(("rule", "decode", "combines"), [
    ("sglang", "sum_len", "all"), ("sglang:0.5.22", "max_len", "reduce_scatter_padded")])
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


def test_loads_of_production(tmp_path):
    """A mixed load is one case for each dp, whatever the tokens and phases of the others."""
    sweep = [*QUICK, "--tokens", "6,7", "--load", "mixed:9:2,idle:1", "--dp", "1,3", "--padding",
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
    assert len(rows_of(tmp_path)) == 16 * STRATEGIES


def test_layers_and_routing_are_part_of_the_case(tmp_path):
    for layers in ("1", "3"):
        assert launch(*QUICK, "--experts", "16", "--layers", layers, "--routing",
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
    done = launch(*QUICK, "--dp", "all", "--ep", "all", "--shared-intermediate", "10",
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


def test_a_dry_run_says_what_would_happen_and_does_nothing(tmp_path):
    done = launch(*QUICK, "--dry-run", "--dp", "2,3", "--tokens", "6,12", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cannot run: dp 3 does not divide 2 ranks") == 2
    assert len(re.findall(r"\n    [\d.]+ GiB for each rank, about \d+ s\n", done.stdout)) == 2
    assert f"2 of 4 cases can run, with {STRATEGIES} strategies each" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_knows_what_does_not_fit(tmp_path):
    done = launch("--dry-run", "--model", "kimi-k2", "--layers", "60", "--tokens", "8", "--load",
                  "balanced", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"cannot run: needs [\d.]+ GiB .* of [\d.]+ GiB free", done.stdout)


def test_scope_output_takes_no_layer_samples(tmp_path):
    assert launch(*QUICK, "--scope", "output", "--out", tmp_path).returncode == 0
    for row in rows_of(tmp_path):
        assert row["layer_us_median"] == "" and row["gather_us_median"] == ""
        assert float(row["combine_us_median"]) > 0


def test_how_samples_came_about_is_in_the_row(finished):
    folder, _ = finished
    for row in rows_of(folder):
        assert (row["cache"], row["mode"], row["planted_pct"]) == ("cold_weights", "isolated", "0")
        assert 1 <= int(row["repeats"]) <= 200
        for kind in ("layer", "output", "combine"):
            assert float(row[f"{kind}_us_iqr"]) >= 0
        assert 0.001 <= float(row["predecessor_p"]) <= 1
        assert float(row["predecessor_pct"]) >= 0


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
        assert float(row["output_us_median"]) > 0 and float(row["combine_us_median"]) > 0
        assert float(row["tokens_per_s"]) == pytest.approx(
            6e6 / float(row["layer_us_median"]), rel=1e-4)


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
    done = launch(*QUICK, "--cache", "warm,cold", "--scope", "output", "--out", tmp_path / "both")
    assert done.returncode == 0, done.stderr
    ids = {"cold_weights": set(), "cold": set()}
    for row in rows_of(tmp_path / "both"):
        ids[row["cache"]].add(row["case_id"])
        assert row["verified"] == "true"
        assert float(row["output_us_median"]) > 0 and int(row["samples"]) >= 6
    assert ids["cold_weights"] and ids["cold"] and not ids["cold_weights"] & ids["cold"]

    done = launch(*QUICK, "--cold", "--scope", "output", "--out", tmp_path / "cold")
    assert done.returncode == 0, done.stderr
    assert {(row["cache"], row["case_id"]) for row in rows_of(tmp_path / "cold")} == {
        ("cold", case) for case in ids["cold"]}

    def forecast(*args):
        said = launch(*QUICK, "--min-samples", "1000", "--dry-run", *args).stdout
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


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB, where mounting one is allowed."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder],
                             capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no right to mount a file system here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_said_in_one_line_and_leaves_whole_rows(small_disk):
    done = launch(*QUICK, "--tokens", "1:64:x2", "--budget", "1", "--ci", "0.001", "--out",
                  small_disk / "out", "--progress", "none")
    assert done.returncode == 3
    cause = [line for line in done.stderr.splitlines() if "rank 0 of 2" in line]
    # The rows' files or status.json, whichever comes to the end of the disk first.
    assert len(cause) == 1, done.stderr
    assert re.search(r"cannot (append to \S+: the disk is full|write \S+: No space left)", cause[0])
    assert not list(small_disk.glob("out/*.new"))
    for name in ("results.csv", "results.samples.csv"):
        lines = (small_disk / "out" / name).read_text().splitlines()
        assert len({line.count(",") for line in lines}) == 1, "a row is torn"


def test_a_disk_without_any_room_is_found_before_the_sweep(small_disk):
    (small_disk / "filler").write_bytes(b"x" * 60 * 1024)
    done = launch(*QUICK, "--out", small_disk / "out", "--progress", "none")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_two_hosts_whose_clocks_differ(tmp_path):
    """Samples are taken on one timeline all the same; and both being on one machine, they say
    nothing about an interconnect."""
    done = launch(*QUICK, "--out", tmp_path, hosts=two_hosts(tmp_path, [1, 1]))
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path)
    obstacles = {row["combine"]: row["obstacle"] for row in rows if row["obstacle"]}
    assert obstacles == dict.fromkeys(
        OVER_PEERS, "ranks on several hosts cannot map each other's memory")
    for row in rows:
        if row["obstacle"]:
            continue
        assert (row["hosts"], row["transport"], row["verified"]) == ("2", "sockets", "true")
        assert row["claim"] in ("memory", "functional")
        assert 0 < float(row["output_us_median"]) < 1e6, "clocks apart would be 1e9 us"
    (run,) = json.loads((tmp_path / "results.json").read_text())["runs"].values()
    assert run["host_names"] == ["node1", "node2"] and 0 < run["clock_residual_us"] < 1e5


def process_of_rank(rank, folder):
    """Of a run that writes to the folder: its rank, by what the launcher told it."""
    names = {f"{name}={rank}".encode() for name in ("PMIX_RANK", "PMI_RANK")}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            told = names & set((process / "environ").read_bytes().split(b"\0"))
        except OSError:  # gone, or somebody else's
            continue
        if told and str(folder).encode() in words and words[0] == PROGRAM.encode():
            return int(process.name)
    raise AssertionError(f"no rank {rank} of {folder}")


def test_a_rank_without_memory_is_an_obstacle_and_the_sweep_goes_on(tmp_path):
    """The machine has the memory, and one rank may not have it: the others hear of it. What that
    rank has when the sweep begins, and a little, is all that it gets."""
    arguments = ["--backend", "host", "--hidden", "4096", "--experts", "4", "--top-k", "2",
                 "--intermediate", "8", "--tokens", "8,4096,4", "--load", "balanced", "--scope",
                 "output", "--min-samples", "6", "--combine", "all_reduce_slice"]
    plan = launch(*arguments, "--dry-run", ranks=3)
    if "cannot run" in plan.stdout:
        pytest.skip("too little memory for a case of a GiB on each rank")
    (needed,) = re.findall(r"4096 tokens\n +([\d.]+) GiB for each rank", plan.stdout)
    little = int(float(needed) * 2**30 / 2)
    running = subprocess.Popen(
        command(*arguments, "--budget", "1", "--progress", "plain", "--out", tmp_path, ranks=3),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
        env={**os.environ, **AS_ROOT})
    said = [running.stderr.readline()]
    while not said[-1].startswith("[1/3]"):
        assert said[-1], said
        said.append(running.stderr.readline())
    rank = process_of_rank(2, tmp_path)
    size = int(Path(f"/proc/{rank}/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
    resource.prlimit(rank, resource.RLIMIT_AS, (size + little, size + little))
    assert running.wait(timeout=120) == 0, [*said, running.stderr.read()]
    rows = rows_of(tmp_path)
    assert [row["tokens"] for row in rows] == ["8", "8", "4096", "4096", "4", "4"]
    for row in rows:
        if row["tokens"] == "4096":
            assert re.fullmatch(r"out of memory: no \d+ bytes of memory left", row["obstacle"])
            assert row["output_us_median"] == ""
        else:
            assert row["obstacle"] == "" and float(row["output_us_median"]) > 0


def test_sms_are_an_axis_and_an_obstacle_where_there_are_none(tmp_path):
    done = launch(*QUICK, "--sms", "default,64", "--combine", "all_reduce_slice", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "| SMs: 64\n" in done.stdout
    usual, tuned = (rows_of(tmp_path)[at:at + 2] for at in (0, 2))
    assert [{row["sms"] for row in rows} for rows in (usual, tuned)] == [{""}, {"64"}]
    assert usual[0]["case_id"] != tuned[0]["case_id"]
    assert all(row["output_us_median"] and not row["obstacle"] for row in usual)
    assert {row["obstacle"] for row in tuned} == {"MPI between cores uses no multiprocessors"}


@pytest.mark.parametrize(("action", "rank", "order"), [
    ("unmade", 1, "reduce_scatterv_peer,misbehaves"),
    ("unmade-on-host", 0, "misbehaves,reduce_scatterv_peer")])
def test_memory_that_one_rank_lacks_leaves_nobody_among_peers(action, rank, order, tmp_path):
    """What all ranks make together and free together is there already, or would come next."""
    done = launch(*QUICK, "--tokens", "6,7,8", "--verify", "exact", "--gather", "all_gatherv_peer",
                  "--combine", order, "--timeout", "20", "--out", tmp_path, "--progress", "none",
                  program=FAULTY, ranks=3, env={"MOE_FAULT": f"{action} {rank} 2"})
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path)
    assert [row["tokens"] for row in rows] == ["6"] * 3 + ["7"] * 3 + ["8"] * 3
    for row in rows:
        if row["tokens"] == "7":
            assert row["obstacle"].startswith("out of memory: none ")
        else:
            assert row["obstacle"] == "" and float(row["output_us_median"]) > 0


@pytest.fixture
def in_small_shared_memory():
    """What a command line begins with to have a /dev/shm of 20 MiB, where a user may mount one."""
    prefix = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
              'mount -t tmpfs -o size=20m tmpfs /dev/shm && exec "$@"', "sh"]
    if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
        pytest.skip("no right to mount another /dev/shm here")
    return prefix


def test_without_room_to_share_others_run_and_all_do_when_there_is(in_small_shared_memory, tmp_path):
    """Partial sums of 8 MiB for each of two ranks, where the library wants room as well."""
    sweep = [*QUICK, "--hidden", "512", "--tokens", "8192,8", "--scope", "output", "--gather",
             "all_gatherv,all_gatherv_peer", "--combine",
             "reduce_scatterv_alltoallv,reduce_scatterv_peer", "--out", tmp_path]
    done = subprocess.run([*in_small_shared_memory, *command(*sweep)], capture_output=True,
                          text=True, timeout=240, env={**os.environ, **AS_ROOT})
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path)
    assert len(rows) == 4 * 3
    for row in rows:
        with_peers = "peer" in row["combine"] or "peer" in row["gather"]
        if row["tokens"] == "8192" and with_peers:
            assert re.fullmatch(
                r"/dev/shm has 1\d\.\d MiB free; ranks want to share 16\.0 MiB there, beside 8\.8 MiB"
                " that the MPI library may fill", row["obstacle"]), row["obstacle"]
            assert row["output_us_median"] == ""
        else:
            assert row["obstacle"] == "" and float(row["output_us_median"]) > 0

"""A sweep over the steps of a file, from outside."""

import json
import re
import subprocess
import sys

import pytest

from program import QUICK, ROOT, SMALL, launch, rows_of

HEAD = "# dp=2 tp=2 ep=2 role=decode\nengine,version,phase,graph_rows,tokens_per_rank,count,step_us\n"
STEPS = HEAD + ("sglang,0.5.23,decode,8,3;6,90,1000\n"
                "sglang,0.5.23,,,4;1,7,2000\n"
                "sglang,0.5.23,decode,8,8;8,10,1000\n"
                "sglang,0.5.23,prefill,,0;0,3,500\n")
ASKED = [*SMALL, "--budget", "0.02", "--min-samples", "6", "--combine", "reduce_scatterv_native",
         "--scope", "output"]


@pytest.fixture
def steps(tmp_path):
    path = tmp_path / "steps.csv"
    path.write_text(STEPS)
    return path


def test_steps_are_measured_weighted_and_added_up(steps, tmp_path):
    done = launch(*ASKED, "--steps", steps, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "out")
    assert {(row["load"], row["tokens"], row["rows"], row["steps"]) for row in rows} == {
        ("counts:8;8", "16", "16", "100"), ("counts:4;1", "5", "5", "7")}
    assert {row["steps_source"] for row in rows} == {str(steps)}
    assert (f"steps of {steps} (sglang 0.5.23), 0.1155 s of the engine's time\n"
            "  custom H 64 dp 2 ep 2 bf16 all_reduce_zero_fill: 107 steps in 2 cases, off by 0.0 KiB "
            "of rows on average (0.0 %), 0.0 KiB at most; 3 not this question (no tokens: 3)\n"
            ) in done.stdout
    [run] = json.loads((tmp_path / "out/results.json").read_text())["runs"].values()
    assert run["steps_grouping"] == [{
        "setting": "custom H 64 dp 2 ep 2 bf16 all_reduce_zero_fill", "steps": 107, "cases": 2,
        "mean_bytes": pytest.approx((100 * 16 + 7 * 5) / 107 * 128), "mean_error_bytes": 0,
        "largest_error_bytes": 0, "not_this_question": {"no tokens": 3}}]
    totals = done.stdout.split(f"All steps of {steps}, one after the other:\n")[1]
    for combine in {row["combine"] for row in rows}:
        wanted = sum(float(row["output_us_median"]) * int(row["steps"]) * 1e-6
                     for row in rows if row["combine"] == combine)
        said = re.search(rf"^    {combine} +output (\S+) s", totals, re.MULTILINE)[1]
        assert float(said) == pytest.approx(wanted, rel=1e-3)
    check = subprocess.run([sys.executable, ROOT / ".ci/check_schema.py",
                            tmp_path / "out/results.csv"], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout


def test_a_case_of_steps_is_the_case_that_lists_ask_for(steps, tmp_path):
    """The same id, and no steps without the option."""
    ids = {}
    for name, asked in (("steps", ["--steps", steps, "--padding", "sglang"]),
                        ("lists", ["--load", "counts:8;8", "--tokens", "16", "--phase", "decode",
                                   "--padding", "sglang"])):
        done = launch(*ASKED, *asked, "--out", tmp_path / name)
        assert done.returncode == 0, done.stderr
        [ids[name]] = {(row["case_id"], row["phase"], row["steps"]) for row in rows_of(tmp_path / name)
                       if row["rows"] == "16"}
    assert ids["steps"] == (ids["lists"][0], "decode", "100")
    assert ids["lists"][1:] == ("decode", "")


BAD = [
    ("", ["--tokens", "8"], ["--tokens and --steps '{}': the latter says tokens and load of each "
                             "step"]),
    ("", ["--traffic", "isl=1"], ["--traffic and --steps"]),
    ("", ["--load", "hot"], ["--load and --steps"]),
    ("", ["--phase", "mixed"], ["--steps: none of {} is this question (no tokens: 3; phase decode: "
                                "107)"]),
    ("tokens_per_rank\n1;1\n", ["--phase", "decode"],
     ["--phase: it asks for the phase of each step, and some of --steps have none"]),
    ("", ["--dp", "1"], ["--dp '1': the steps of {} are of 2 DP ranks"]),
    ("# tp=4\ntokens_per_rank\n1;1\n", [], ["--steps: {} is of tp 4; here are 2 ranks"]),
    ("tokens_per_rank,count\n1;1,x\n1;1,1\n1,1\n", [],
     ["{}, line 2: count 'x': a whole number from 1 to 1000000000000 is wanted",
      "{}, line 4: tokens_per_rank '1': 1 numbers; dp is 2"]),
]


@pytest.mark.parametrize(("text", "options", "said"), BAD)
def test_what_cannot_be_is_said_and_nothing_is_run(text, options, said, steps, tmp_path):
    if text:
        steps.write_text(text)
    done = launch(*QUICK[:len(SMALL)], "--steps", steps, *options, "--out", tmp_path / "out")
    assert done.returncode == 2, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == len(said), done.stderr
    for line, words in zip(lines, said):
        assert line.startswith("bench_moe_comm: " + words.format(steps)), line
    assert not (tmp_path / "out").exists()


def test_a_sweep_is_not_resumed_with_other_steps(steps, tmp_path):
    out = tmp_path / "out"
    asked = [*ASKED, "--budget", "0.01", "--steps", steps, "--out", out]
    assert launch(*asked).returncode == 0
    before = (out / "results.csv").read_text()
    again = launch(*asked, "--resume")
    assert again.returncode == 0 and "2 of 2 cases are there already" in again.stdout, again.stderr
    steps.write_text(STEPS.replace(",90,", ",91,"))
    other = launch(*asked, "--resume")
    assert (other.returncode, other.stderr) == (2, (
        f"bench_moe_comm: --resume: {out}/results.csv was made of other steps: --steps {steps} has "
        f"changed since; put the old file back, or name another file than --out '{out}'\n"))
    assert (out / "results.csv").read_text() == before


@pytest.mark.parametrize("text", ["tokens_per_rank\n1;1;1;1;1;1;1;x\n", "tokens_per_rank\n0;0;0;0;0;0;0;0\n"])
def test_what_rank_0_alone_reads_ends_all_ranks(text, steps, tmp_path):
    steps.write_text(text)
    done = launch(*SMALL, "--steps", steps, "--out", tmp_path / "out", ranks=8)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


def test_a_file_that_is_not_there_is_named(tmp_path):
    done = launch(*SMALL, "--steps", tmp_path / "none.csv", "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (
        2, f"bench_moe_comm: --steps '{tmp_path}/none.csv': No such file or directory\n")


def test_a_dry_run_says_what_the_steps_are(steps):
    done = launch(*SMALL, "--steps", steps, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "107 steps in 2 cases" in done.stdout and "2 of 2 cases can run" in done.stdout


def test_synthetic_traffic_is_called_so_wherever_it_is_used(tmp_path):
    traffic = "isl=6,osl=4,conc=4,chunk=8"
    done = launch(*ASKED, "--traffic", traffic, "--budget", "0.01", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "out")
    assert {row["steps_source"] for row in rows} == {f"synthetic traffic {traffic}"}
    cases = {row["case_id"]: int(row["steps"]) for row in rows}
    assert sum(cases.values()) == 10000
    assert f"steps of synthetic traffic {traffic}\n" in done.stdout
    assert f"All steps of synthetic traffic {traffic}, one after the other:\n" in done.stdout
    assert done.stdout.count(f" steps of synthetic traffic {traffic}\n") >= len(cases)


@pytest.mark.parametrize(("options", "said"), [
    (["--traffic", "isl=1"], "--traffic 'isl=1': osl is wanted"),
    (["--traffic", "isl=1,osl=1,conc=1", "--dp", "all"], "--dp 'all': --traffic takes one number"),
    (["--traffic", "isl=1,osl=1,conc=1", "--load", "hot"], "--load and --traffic 'isl=1,osl=1,conc=1'"),
    (["--traffic", "isl=1,osl=1,conc=1", "--dp", "1"], "--traffic: none of synthetic traffic"),
    (["--traffic", ""], "--traffic '': isl=N,osl=N,conc=N is wanted"),
    (["--steps", ""], "--steps '': a file is wanted"),
])
def test_traffic_that_cannot_be_is_said(options, said, tmp_path):
    done = launch(*SMALL, *options, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith(f"bench_moe_comm: {said}") and done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()

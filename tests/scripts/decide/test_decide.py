"""scripts/decide.sh from outside, with a launcher that takes no time."""

import os
import subprocess
from pathlib import Path

import pytest

DECIDE = Path(__file__).resolve().parents[3] / "scripts/decide.sh"
FAKE = str(Path(__file__).with_name("launcher_and_program.py"))
TRAFFIC = ["--model", "m-1b", "--traffic", "isl=1,osl=1,conc=1"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def decide(*words: str, launcher=("--", FAKE)) -> subprocess.CompletedProcess:
    return subprocess.run([DECIDE, *words, *launcher], capture_output=True, text=True, timeout=120,
                          env=os.environ | {"BENCH_MOE_COMM": FAKE})


def calls() -> list[str]:
    """Without the dry runs."""
    lines = Path("calls").read_text().splitlines() if Path("calls").exists() else []
    return [line for line in lines if "--dry-run" not in line]


def test_phases_take_turns_and_a_verdict_ends_it():
    done = decide(*TRAFFIC, "--step-ms", "prefill=50,decode=9", "--minutes", "3", "--out", "out")
    assert done.returncode == 0, done.stderr
    parts = [line.split("/out/")[1].split()[0] for line in calls()]
    there = ["prefill", "prefill-beside", "decode", "decode-beside"]
    assert parts == [*there, *reversed(there)] * 3 + there
    assert all("--resume" in line for line in calls())
    assert all(f"--step-cases {3 if '--beside gemm' in line else 6} " in line for line in calls())
    assert "mixed: bench_moe_comm: --steps: none of it is this question" in done.stderr
    assert "Provisional: 1 of 7 launches." in done.stdout
    sentence = ("On EPYC with 8 ranks, M-1B, dp8 ep8, 80 steps of synthetic traffic isl=1,osl=1,conc=1:"
                " `--boundary-reduction ar` instead of `auto` saves 1.0 ms [1.0, 1.1] of a 50 ms"
                " prefill step (2.1 %) and a 9 ms decode step (11.6 %): set ar.")
    beside = ("Prefill: beside a GEMM ar saves 1.0 ms [1.0, 1.1] of both together, and the GEMM takes"
              " 2.0 % longer.")
    for said in (sentence, beside):
        assert said in done.stdout and said in Path("out/verdict.md").read_text()
    assert done.stdout.endswith("verdict: out/verdict.md\n")


def test_a_dry_run_says_the_minutes_and_keeps_nothing(folder):
    done = decide(*TRAFFIC, "--minutes", "7", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "prefill: 2 min 55 s in 7 launches, steps in 6 case(s); 18 of 18 cases can run" in done.stdout
    assert "prefill-beside: 28 s in 7 launches, steps in 3 case(s)" in done.stdout
    assert "\ntogether: 7 min 00 s of measuring; setting up and checking" in done.stdout
    assert [path.name for path in folder.iterdir()] == ["calls"] and calls() == []


def test_what_does_not_fit_beside_a_gemm_is_not_priced_there():
    """The first launch says so: the second fails."""
    Path("fails").touch()
    asked = [*TRAFFIC, "--step-ms", "prefill=50,decode=9", "--hidden", "short", "--out", "out"]
    done = decide(*asked)
    assert done.returncode == 3, done.stderr
    assert ("prefill-beside: not priced beside compute: not even one case fits; more --minutes are"
            " wanted\n") in done.stderr
    assert "beside:" not in done.stdout and not any("--beside" in line for line in calls())
    assert ("* Prefill and decode: not priced beside compute, nothing was launched beside a GEMM.\n"
            in Path("out/verdict.md").read_text())
    done = decide(*asked, "--resume")
    assert done.returncode == 3 and "prefill-beside: not priced" in done.stderr, done.stderr


def test_a_dry_run_that_leaves_cases_out_says_how_many_to_ask_for_next():
    done = decide(*TRAFFIC, "--hidden", "short", "--dry-run")
    assert done.returncode == 0, done.stderr
    asked = [line.split("--step-cases ")[1].split()[0] for line in Path("calls").read_text().splitlines()
             if "/prefill-beside" in line and "--time" in line]
    assert asked == ["24", "1"]


def test_parts_that_are_compared_have_the_same_cases():
    """The one with the least room decides, also for those that were asked before it."""
    done = decide(*TRAFFIC, "--hidden", "tight", "--backend", "cuda", "--dry-run")
    assert done.returncode == 0, done.stderr
    cases = {line.split(":")[0]: line.split("steps in ")[1][:1]
             for line in done.stdout.splitlines() if "steps in " in line}
    settings = ("", "-enable-nccl-nvls", "-enable-symm-mem", "-nccl_min_ctas")
    assert cases == {f"{group}{setting}": count for setting in settings
                     for group, count in (("prefill", "2"), ("prefill-beside", "3"))}


def test_without_steps_and_launcher_both_are_chosen_and_said(folder, monkeypatch):
    (folder / "bin").mkdir()
    (folder / "bin/mpirun").write_text("#!/bin/sh\nwhile [ $# -gt 0 ] && [ \"${1##*/}\" !="
                                       f" {Path(FAKE).name} ]; do shift; done\nexec {FAKE} \"$@\"\n")
    (folder / "bin/mpirun").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
    done = decide("--model", "m-1b", "--backend", "host", "--dry-run", launcher=())
    assert done.returncode == 0, done.stderr
    traffic = "isl=128,osl=64,conc=32,chunk=256"
    assert f"neither --steps nor --traffic: synthetic traffic {traffic}\n" in done.stderr
    assert f" --traffic {traffic} " in Path("calls").read_text()


def test_a_launch_that_fails_says_how_to_go_on():
    Path("fails").touch()
    done = decide(*TRAFFIC, "--minutes", "3", "--out", "out")
    assert done.returncode == 3
    assert ("error: launch 2 of decode-beside ended with status 3: see out/decode-beside.log; the same"
            " command with --resume --out out goes on") in done.stderr
    assert decide(*TRAFFIC, "--minutes", "3", "--out", "out").returncode == 2, "it is there already"
    Path("fails").unlink()
    done = decide(*TRAFFIC, "--minutes", "3", "--out", "out", "--resume")
    assert done.returncode == 0, done.stderr
    assert "launch 1 of 7" not in done.stderr and "launch 2 of 7: decode-beside" in done.stderr
    assert Path("out/verdict.json").exists()


def test_launches_that_ended_well_are_not_made_again_in_the_same_time():
    """What they left out for want of time would not fit either; with more minutes it may."""
    assert decide(*TRAFFIC, "--minutes", "3", "--out", "out").returncode == 0
    before = calls()
    done = decide(*TRAFFIC, "--minutes", "3", "--out", "out", "--resume")
    assert done.returncode == 0, done.stderr
    assert calls() == before and "launch 1 of 7" not in done.stderr
    assert done.stdout.endswith("verdict: out/verdict.md\n")
    done = decide(*TRAFFIC, "--minutes", "9", "--out", "out", "--resume")
    assert done.returncode == 0, done.stderr
    assert len(calls()) == 2 * len(before)


def test_what_cannot_run_here_is_left_out():
    done = decide(*TRAFFIC, "--hidden", "huge", "--out", "out")
    assert done.returncode == 2
    assert "prefill: no case can run: needs 9 GiB\n" in done.stderr
    assert "\nerror: nothing is left to measure; usage: " in done.stderr
    assert not Path("out").exists()


def test_what_the_program_refuses_leaves_nothing(folder):
    done = decide(*TRAFFIC, "--hidden", "none", "--out", "out")
    assert (done.returncode, done.stderr) == (2, "bench_moe_comm: --hidden 'none': a number\n")
    assert [path.name for path in folder.iterdir()] == ["calls"]


@pytest.mark.parametrize(("words", "launcher", "said"), [
    ([*TRAFFIC, "--minutes", "0"], ["--", FAKE], "--minutes '0' is not a whole number from 1 to 9999"),
    ([*TRAFFIC, "--minutes"], ["--", FAKE], "--minutes wants a value"),
    (TRAFFIC, ["--"], "no launcher after --, such as: -- mpirun -n 8"),
    (TRAFFIC, ["--", "nowhere"], "no launcher 'nowhere' here"),
    ([*TRAFFIC, "--resume"], ["--", FAKE], "--resume: --out names no folder of an earlier run"),
])
def test_bad_arguments_are_one_line(words, launcher, said, folder):
    done = decide(*words, launcher=launcher)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {said}; usage: ") and done.stderr.count("\n") == 1
    assert list(folder.iterdir()) == []

"""scripts/reference_run.sh from outside, with a launcher and programs that take no time."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from stand_ins import calls, command, environment, make, reference_run

SWEEPS = ["eager", "beside-gemm", "dp-1", "gather", "skew", "epilogue"]
COLLECTIVES = "collectives on 2"
ALL = [COLLECTIVES, *(f"{name} {i}/3" for i in (1, 2, 3) for name in SWEEPS)]
PRICE = "3 launches of about 1 min 08 s each"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(tmp_path)
    return tmp_path


def test_all_parts_have_a_launch_before_any_has_its_second():
    done = reference_run("--out", "out")
    assert done.returncode == 0, done.stderr
    assert calls() == ALL
    assert Path("out/collectives-2.txt").read_text() == "a table\n"
    assert "bench_moe_comm 1" in Path("out/machine.txt").read_text()
    assert done.stdout.endswith("results: out\n")


def test_what_is_said_before():
    done = reference_run("--dry-run")
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "collectives-2: perhaps 1 min 00 s, collectives by themselves on 2 ranks"
    assert said[1] == f"eager: {PRICE}, every strategy without graphs"
    assert said[-1] == "together: about 21 min 24 s, 1 min 00 s of that a guess"
    assert "graph: left out, cores have no CUDA graphs\n" in done.stderr


@pytest.mark.parametrize(("ranks", "collectives", "dps"), [
    (1, [], []), (4, ["collectives-4", "collectives-2"], ["dp-2"])])
def test_parts_follow_the_number_of_ranks(folder, ranks, collectives, dps):
    done = reference_run("--dry-run", ranks=ranks)
    assert done.returncode == 0, done.stderr
    names = [line.split(":")[0] for line in done.stdout.splitlines()]
    assert [name for name in names if name.startswith("collectives")] == collectives
    assert [name for name in names if name.startswith("dp")] == dps
    assert sorted(path.name for path in folder.iterdir()) == [
        "bench_collectives", "bench_moe_comm", "launch"], "a dry run keeps nothing"


def test_a_part_that_fails_does_not_keep_the_others_from_running():
    done = reference_run("--out", "out", FAILS_AT="--skew 0,150")
    assert done.returncode == 1
    assert calls() == [call for call in ALL if call not in ("skew 2/3", "skew 3/3")]
    assert done.stderr.splitlines()[-1] == (
        "error: skew failed: see out/skew.log; the same command with --resume --out out goes on")
    assert "it failed" in Path("out/skew.log").read_text()

    Path("calls").unlink()
    done = reference_run("--out", "out", "--resume")
    assert done.returncode == 0, done.stderr
    assert calls() == ["skew 1/3", "skew 2/3", "skew 3/3"]
    assert "eager: finished\n" in done.stdout and f"skew: {PRICE}" in done.stdout


def test_a_single_run_that_fails_leaves_no_table():
    done = reference_run("--out", "out", "--parts", "collectives-2", FAILS_AT="--largest")
    assert done.returncode == 1
    assert not Path("out/collectives-2.txt").exists()


def wait_for(path: Path) -> int:
    """The process whose number a stand-in wrote there before it began to wait."""
    while not (path.exists() and path.read_text()):
        time.sleep(0.01)
    return int(path.read_text())


def begin(**more: str) -> tuple[subprocess.Popen, int]:
    """A run that waits in its second launch of a part, and the process that waits."""
    running = subprocess.Popen(command("--out", "out"), env=environment(**more), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return running, wait_for(Path("waits"))


def test_a_kill_loses_what_was_running():
    running, waiting = begin(WAITS_AT="gather --launch 2/3")
    running.kill()
    running.communicate()
    os.kill(waiting, signal.SIGKILL)
    before = calls()
    assert before == ALL[:ALL.index("gather 2/3") + 1]
    assert reference_run("--out", "out").returncode == 2, "it is there already"
    done = reference_run("--out", "out", "--resume")
    assert done.returncode == 0, done.stderr
    assert calls() == before + ALL[ALL.index("gather 2/3"):]
    assert "gather: 2 launches of about" in done.stdout


def test_ctrl_c_ends_all_and_says_how_to_go_on():
    running, waiting = begin(WAITS_AT="gather --launch 2/3")
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode not in (0, 1, 2)
    assert ("stopped in launch 2 of 3: gather; the same command with --resume --out out goes on"
            in said)
    with pytest.raises(ProcessLookupError):
        os.kill(waiting, 0)


def test_the_minutes_end_it_with_what_is_there(folder):
    """Of timeout there is a stand-in whose time is shorter."""
    (folder / "bin").mkdir()
    (folder / "bin/timeout").write_text('#!/bin/sh\nshift\nexec /usr/bin/timeout 2 "$@"\n')
    (folder / "bin/timeout").chmod(0o755)
    path = f"{folder}/bin:{os.environ['PATH']}"
    done = reference_run("--out", "out", "--minutes", "5", WAITS_AT="gather --launch 2/3", PATH=path)
    assert done.returncode == 0, done.stderr
    assert ("together: about 21 min 24 s, 1 min 00 s of that a guess; ends after 5 min (--minutes)\n"
            in done.stdout)
    assert calls() == ALL[:ALL.index("gather 2/3") + 1]
    assert ("the 5 minutes are over; the same command with --resume --out out goes on\n"
            in done.stderr)
    assert "gather 2" not in Path("out/finished").read_text()


def test_some_parts_only():
    assert reference_run("--out", "out", "--parts", "skew,eager").returncode == 0
    assert calls() == [f"{name} {i}/3" for i in (1, 2, 3) for name in ("eager", "skew")]
    done = reference_run("--out", "out", "--parts", "eager,dp-1", "--resume")
    assert done.returncode == 0, done.stderr
    assert calls()[6:] == ["dp-1 1/3", "dp-1 2/3", "dp-1 3/3"]


def test_options_of_the_program_come_last_in_every_sweep():
    assert reference_run("--out", "out", "--tokens", "6").returncode == 0
    lines = [line for line in Path("calls").read_text().splitlines() if "moe_comm" in line]
    assert all(" --tokens 6 --progress none --out " in line for line in lines)


def test_what_cannot_run_here_is_left_out():
    done = reference_run("--out", "out", "--hidden", "huge")
    assert done.returncode == 0
    assert "skew: left out, no case can run: needs 9 GiB\n" in done.stderr
    assert calls() == [call for call in ALL if not call.startswith("skew")]


@pytest.mark.parametrize(("words", "said"), [
    (["--minutes", "0"], "error: --minutes '0' is not a whole number from 1 to 9999; usage: "),
    (["--minutes", "soon"], "error: --minutes 'soon' is not a whole number"),
    (["--out"], "error: --out wants a value; usage: "),
    (["--resume"], "error: --resume: --out names no folder of an earlier run; usage: "),
    (["--parts", "all"], "reference_run.sh: --parts 'all': there are: graph, collectives-2, eager"),
    (["--parts", "graph"], "error: nothing is left to measure"),
])
def test_bad_arguments_are_one_line_and_leave_nothing(folder, words, said):
    done = reference_run("--out", "out", *words) if words != ["--resume"] else reference_run(*words)
    assert done.returncode == 2
    [line] = [line for line in done.stderr.splitlines() if not line.startswith("graph: left out")]
    assert line.startswith(said)
    assert not (folder / "out").exists() and calls() == []


def test_what_the_program_refuses_is_its_own_line():
    done = reference_run("--out", "out", "--hidden", "none", "--parts", "eager")
    assert (done.returncode, done.stderr) == (2, "bench_moe_comm: --hidden 'none': a number\n")
    assert not Path("out").exists()


def test_a_launcher_that_starts_nothing():
    Path("launch").write_text("#!/bin/sh\nexit 1\n")
    done = reference_run("--out", "out")
    assert done.returncode == 2
    assert done.stderr.startswith("error: the launcher starts no ranks: ")


def test_another_plan_wants_another_folder():
    assert reference_run("--out", "out", "--parts", "collectives-2").returncode == 0
    done = reference_run("--out", "out", "--resume", "--parts", "collectives-2", ranks=4)
    assert done.returncode == 2
    assert "was made with another ranks; name another --out for these" in done.stderr

"""Runs that are ended from outside: signals, a launcher that is killed, closed streams."""

import os
import signal
import subprocess
import time

import pytest
from ended_runs import (
    SWEEP, SWEEP_ROWS, assert_nothing_alive, assert_nothing_left, assert_only_whole_rows, end_of,
    ranks_of, start, status_of, wait_for)
from program import AS_ROOT, FULL, PROGRAM, QUICK, launch, rows_of


def heed(sent):
    """What makes a command hear a signal that the shell ignores for what it runs in the background."""
    return lambda: signal.signal(sent, signal.SIG_DFL)


def test_a_killed_launcher_takes_its_ranks_along(tmp_path):
    running = start(*SWEEP, "--budget", "30", "--out", tmp_path)
    wait_for(lambda: (tmp_path / "status.json").exists())
    running.kill()
    assert_nothing_alive(tmp_path, time.monotonic())
    assert status_of(tmp_path)["message"] == "the launcher (mpirun) died"
    running.communicate()


def test_a_killed_launcher_takes_a_stopped_rank_along(tmp_path):
    running = start(*SWEEP, "--budget", "30", "--out", tmp_path)
    wait_for(lambda: (tmp_path / "status.json").exists())
    os.kill(ranks_of(tmp_path)[1], signal.SIGSTOP)
    running.kill()
    assert_nothing_alive(tmp_path, time.monotonic())
    running.communicate()


def test_ctrl_c_leaves_whole_rows_and_says_how_to_go_on(tmp_path):
    running = start(*SWEEP, "--budget", "1", "--out", tmp_path)
    wait_for(lambda: (tmp_path / "results.csv").exists() and len(rows_of(tmp_path)) >= 6)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 1
    assert_nothing_left(tmp_path, time.monotonic())
    rows = rows_of(tmp_path)
    assert 6 <= len(rows) < SWEEP_ROWS and len(rows) % 3 == 0
    assert f"{len(rows)} rows of this run are in" in said
    assert f"the same command with --out '{tmp_path}' --resume goes on" in said
    status = status_of(tmp_path)
    assert status["state"] == "interrupted" and status["rows"] == len(rows)
    assert status["message"].startswith("ended by SIGTERM (15) while ")


@pytest.mark.parametrize("sent", ["SIGUSR1", *(["SIGUSR2", "SIGXCPU", "SIGQUIT", "SIGALRM"] if FULL
                                               else [])])
def test_a_batch_system_that_warns_ends_a_run_as_one_that_asks(sent, tmp_path):
    """And a case during which that happens is not said to be deadly."""
    for _ in range(2):
        running = start(*SWEEP, "--budget", "30", "--resume", "--out", tmp_path,
                        first=heed(getattr(signal, sent)))
        wait_for(lambda: (tmp_path / "status.json").exists() and status_of(tmp_path)["case_id"]
                 and status_of(tmp_path)["state"] == "running" and len(ranks_of(tmp_path)) == 3)
        for pid in ranks_of(tmp_path):
            os.kill(pid, getattr(signal, sent))
        said = end_of(running, tmp_path)
        assert f"ended by {sent} " in said and "--resume goes on" in said
        assert_nothing_left(tmp_path, time.monotonic())
        assert status_of(tmp_path)["state"] == "interrupted"
        assert status_of(tmp_path)["deaths"] == {}


def test_a_second_run_on_the_same_file_is_refused(tmp_path):
    first = start(*SWEEP, "--tokens", "1,2,4", "--budget", "1", "--out", tmp_path, ranks=2)
    wait_for(lambda: (tmp_path / "status.json").exists())
    second = launch(*SWEEP, "--resume", "--tokens", "1,2,4", "--budget", "1", "--out", tmp_path, ranks=2)
    assert second.returncode == 2
    assert len(second.stderr.splitlines()) == 1
    assert "is being written by another run" in second.stderr
    _, said = first.communicate(timeout=60)
    assert first.returncode == 0, said
    assert len(rows_of(tmp_path)) == 3 * 3


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-", "| head -c 1"])
def test_nobody_has_to_watch(closed, tmp_path):
    """A standard stream that is closed is no file for rows to be written to."""
    script = f'"$@" {closed}'
    done = subprocess.run(["sh", "-c", script, "sh", PROGRAM, *QUICK, "--out", tmp_path],
                          capture_output=True, text=True, timeout=60,
                          env={**os.environ, **AS_ROOT})
    assert done.returncode == 0, done.stderr
    assert_only_whole_rows(tmp_path)
    assert status_of(tmp_path)["state"] == "complete"

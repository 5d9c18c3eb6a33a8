"""scripts/share_gpu.sh with a daemon that only writes down what it is told."""

import os
import pathlib
import signal
import stat
import subprocess
import time

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "share_gpu.sh"
FAKE = """#!/bin/sh
echo "${1:-$(cat)} $CUDA_MPS_PIPE_DIRECTORY" >>"$MPS_DIARY"
[ "$1" != -d ] || { touch "$CUDA_MPS_PIPE_DIRECTORY/control"; exit "${MPS_STATUS:-0}"; }
"""


@pytest.fixture(name="mps")
def fixture_mps(tmp_path):
    """The environment with the fake daemon, and what it wrote down."""
    fake = tmp_path / "nvidia-cuda-mps-control"
    fake.write_text(FAKE)
    fake.chmod(fake.stat().st_mode | stat.S_IEXEC)
    diary = tmp_path / "diary"
    env = dict(os.environ, PATH=f"{tmp_path}:{os.environ['PATH']}", MPS_DIARY=str(diary))
    return env, diary


def expect_stopped(diary):
    """Started once, told to quit in the same folder, and the folder is gone."""
    lines = [line.split() for line in diary.read_text().splitlines()]
    assert [line[0] for line in lines] == ["-d", "quit"]
    assert lines[0][1] == lines[1][1]
    assert not pathlib.Path(lines[0][1]).exists()


@pytest.mark.parametrize("status", [0, 3, 4])
def test_runs_the_command_and_passes_its_status_on(mps, status):
    env, diary = mps
    shown = 'echo "$CUDA_MPS_PIPE_DIRECTORY"; exit ' + str(status)
    done = subprocess.run([SCRIPT, "--", "bash", "-c", shown], env=env, capture_output=True,
                          text=True, check=False)
    assert done.returncode == status
    assert done.stdout.strip() == diary.read_text().split()[1]
    expect_stopped(diary)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_stops_the_daemon_when_it_is_stopped(mps, stop, tmp_path):
    env, diary = mps
    started = tmp_path / "started"
    with subprocess.Popen(
        [SCRIPT, "--", "bash", "-c", f"touch {started}; sleep 30 & wait"],
        env=env, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as running:
        while not started.exists():
            assert running.poll() is None
            time.sleep(0.02)
        running.send_signal(stop)
        assert running.wait(timeout=120) != 0
    expect_stopped(diary)


def test_a_daemon_that_does_not_start_is_said(mps):
    env, diary = mps
    done = subprocess.run([SCRIPT, "--", "touch", diary.with_name("ran")],
                          env=dict(env, MPS_STATUS="1"), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "does not start" in done.stderr
    assert not diary.with_name("ran").exists()


@pytest.mark.parametrize("arguments", [[], ["true"], ["--"]])
def test_a_wrong_call_says_what_is_wanted(mps, arguments):
    done = subprocess.run([SCRIPT, *arguments], env=mps[0], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 2
    assert "usage: scripts/share_gpu.sh -- COMMAND" in done.stderr


def test_without_mps_it_says_so(tmp_path):
    # Of all programs only those that the script itself needs before it looks for the daemon.
    for name in ("bash", "env", "dirname"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    done = subprocess.run([SCRIPT, "--", "true"], env={"PATH": str(tmp_path)},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "nvidia-cuda-mps-control" in done.stderr

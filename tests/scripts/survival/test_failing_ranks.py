"""Ranks that die, crash, throw, hang or are stopped: the job ends and names them."""

import os
import re
import time

import pytest
from ended_runs import (
    CRASHED, FAILED, GRACE, KILLED, STARTS_IN, STUCK_AFTER, assert_nothing_left,
    assert_only_whole_rows, own_folders, status_of)
from program import BACKEND, FAULTY, FULL, QUICK, launch, two_hosts

# The action, what the line says, what mpirun's exit status may be, and what status.json says.
FAULTS = {
    "kill": ("rank 1 died while", KILLED, "failed"),
    "crash": ("rank 1 died while", CRASHED, "failed"),
    "throw": (r"rank 1 of 3 on \S+: told to fail", {FAILED}, "failed"),
    "die-slowly": ("rank 1 died while", KILLED | {FAILED}, "failed"),
    "refuse": ("rank 1: a peer is gone while", {FAILED}, "failed"),
    "memory": (r"rank 1 of 3 on \S+: std::bad_alloc", {FAILED}, "failed"),
    "stop": (f"no progress for {STUCK_AFTER} s: rank 1 was stopped by a signal while", {FAILED},
             "timed_out"),
    "hang": (f"no progress for {STUCK_AFTER} s: ranks? .*1.* got stuck while", {FAILED}, "timed_out"),
}


# The call of a strategy in which a rank fails. While results are checked, others' kernels run already;
# while it is timed, GPUs wait behind a gate until all ranks have come.
CHECKED, TIMED = 1, 14
# What the other ranks wait in meanwhile: a collective of the library, or peer memory, in which they
# look for flags (misbehaves_peer) or for what is pushed to them. There one that ends them from
# outside, and one that they have to find out themselves.
WAITS = [(action, "misbehaves", TIMED) for action in FAULTS]
OVER_PEERS = ("misbehaves_peer", "misbehaves_push", "misbehaves_fused", "misbehaves_fused_pull",
              "misbehaves_all_reduce_push")
WAITS += [(action, combine, TIMED)
          for combine in OVER_PEERS for action in (FAULTS if FULL else ("kill", "stop"))]
if FULL or BACKEND != "host":
    WAITS += [(action, combine, CHECKED) for combine in OVER_PEERS for action in ("kill", "stop")]
else:
    WAITS += [("stop", "misbehaves_push", CHECKED)]


@pytest.mark.parametrize(("action", "combine", "call"), WAITS)
def test_a_rank_that_fails_ends_the_job_and_is_named(action, combine, call, tmp_path):
    said, statuses, state = FAULTS[action]
    began = time.monotonic()
    done = launch(*QUICK, "--combine", combine, "--timeout", STUCK_AFTER, "--out", tmp_path,
                  "--progress", "none", program=FAULTY, ranks=3,
                  env={"MOE_FAULT": f"{action} 1 {call}", **own_folders(tmp_path)})
    assert time.monotonic() - began < STARTS_IN + STUCK_AFTER + GRACE
    assert done.returncode in statuses, done.stderr
    assert re.search(said, done.stderr), done.stderr
    assert_nothing_left(tmp_path, time.monotonic())
    assert_only_whole_rows(tmp_path)
    left = status_of(tmp_path)
    assert left["state"] == state
    assert "rank" in left["message"] and left["rows"] == 0
    if action == "crash":
        assert f"rank 1 of 3 on {os.uname().nodename}: died of signal 11" in done.stderr
    if state == "timed_out" or action in ("kill", "crash", "die-slowly", "refuse"):
        doing = {CHECKED: "checking", TIMED: "measuring the output step of"}[call]
        assert f"{doing} {combine} in case custom H 64" in left["message"]


@pytest.mark.parametrize(("call", "doing"), [
    (1, "checking misbehaves"), (3, "checking the layer with misbehaves")])
def test_a_rank_may_die_in_any_phase(call, doing, tmp_path):
    done = launch(*QUICK, "--combine", "misbehaves", "--out", tmp_path, program=FAULTY, ranks=3,
                  env={"MOE_FAULT": f"kill 2 {call}"})
    assert f"rank 2 died while {doing}" in done.stderr, done.stderr


@pytest.mark.skipif(BACKEND != "host", reason="one GPU is not on two hosts")
@pytest.mark.parametrize(("action", "places", "state", "said"), [
    ("kill", [1, 2], "failed", r"rank 1 died while measuring .*, on node2"),
    ("kill", [1, 1], "interrupted", r"ended by SIGTERM .*; if a rank of another host or "
                                    r"container died, the launcher names it, on node1"),
    ("throw", [1, 1], "failed", r"rank 1 of 2 on node2: told to fail"),
    *([("stop", [1, 2], "timed_out", r"rank 1 was stopped by a signal .*, on node2")] if FULL
      else [])])
def test_what_happened_on_another_host_is_told_once(action, places, state, said, tmp_path):
    """A host sees its own ranks only, and is told to end by mpirun: who knows more is heard."""
    stuck_after = 8 if action == "stop" else 60  # TCP between ranks that share cores takes seconds
    done = launch(*QUICK, "--combine", "misbehaves", "--timeout", stuck_after, "--out", tmp_path,
                  "--progress", "none", program=FAULTY, ranks=sum(places),
                  env={"MOE_FAULT": f"{action} 1 14", **own_folders(tmp_path)},
                  hosts=two_hosts(tmp_path, places))
    assert done.returncode not in (0, 2), done.stderr
    # mpirun warns now and then that a daemon was quicker than itself.
    lines = [line for line in done.stderr.splitlines() if not line.startswith("[")]
    assert len(lines) == 2 and re.search(said, lines[0]), done.stderr
    assert lines[1].endswith("--resume goes on"), done.stderr
    assert status_of(tmp_path)["state"] == state
    assert_nothing_left(tmp_path, time.monotonic())


def test_rank_0_may_die_too(tmp_path):
    """It owns the files; another rank says what happened."""
    done = launch(*QUICK, "--combine", "misbehaves", "--out", tmp_path, program=FAULTY, ranks=3,
                  env={"MOE_FAULT": "kill 0 14", **own_folders(tmp_path)})
    assert done.returncode in KILLED
    assert "rank 0 died while measuring" in status_of(tmp_path)["message"]
    assert_nothing_left(tmp_path, time.monotonic())

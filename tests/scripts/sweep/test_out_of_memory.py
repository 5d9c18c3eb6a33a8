"""Ranks without memory of their own or to share: an obstacle, and the sweep goes on."""

import os
import re
import resource
import subprocess
from pathlib import Path

import pytest
from program import AS_ROOT, FAULTY, PROGRAM, QUICK, command, launch, rows_of


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


def test_what_a_case_shared_is_given_back_when_one_rank_lacks_memory(in_small_shared_memory, tmp_path):
    """Partial sums of 3.5 MiB for each of two ranks: there is room for those of one case."""
    sweep = [*QUICK, "--hidden", "512", "--tokens", "3584,3585,3586", "--scope", "output", "--verify",
             "off", "--combine", "reduce_scatterv_peer,misbehaves", "--out", tmp_path]
    done = subprocess.run([*in_small_shared_memory, *command(*sweep, program=FAULTY)],
                          capture_output=True, text=True, timeout=240,
                          env={**os.environ, **AS_ROOT, "MOE_FAULT": "unmade 1 2"})
    assert done.returncode == 0, done.stderr
    for row in rows_of(tmp_path):
        lacking = "out of memory: none for what misbehaves" if row["tokens"] == "3585" else ""
        assert row["obstacle"] == lacking


def test_a_strategy_without_room_to_be_made_again_is_timed_all_the_same(in_small_shared_memory, tmp_path):
    """An inbox of 3.5 MiB for each of two ranks, and where rows have other owners, once more."""
    sweep = [*QUICK, "--hidden", "512", "--tokens", "1792,8", "--scope", "output", "--combine",
             "reduce_scatterv_push", "--out", tmp_path]
    done = subprocess.run([*in_small_shared_memory, *command(*sweep)], capture_output=True,
                          text=True, timeout=240, env={**os.environ, **AS_ROOT})
    assert done.returncode == 0, done.stderr
    rows = [row for row in rows_of(tmp_path) if row["combine"] == "reduce_scatterv_push"]
    assert [row["owner_independent"] for row in rows] == ["", "true"]
    for row in rows:
        assert row["verified"] == "true" and float(row["output_us_median"]) > 0


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

"""Which processes are one job, and what they may take for granted of each other: containers, process
ids, hosts, and launchers of other MPI libraries."""

import json
import os
import subprocess

import pytest
from program import AS_ROOT, OVER_PEERS, PROGRAM, QUICK, launch, rows_of, two_hosts

APART = ["unshare", "--pid", "--fork", "--mount-proc"]
# What MPI has between containers that share no memory.
BY_TCP = {"OMPI_MCA_btl": "self,tcp", "OMPI_MCA_btl_tcp_if_include": "lo"}


def in_containers(folder, before=""):
    """A program that starts ours in a PID namespace of its own, after `before`."""
    if subprocess.run([*APART, "true"], capture_output=True).returncode:
        pytest.skip("no right to make namespaces here")
    script = folder / "container.sh"
    script.write_text(f'#!/bin/bash\n{before}\nexec {" ".join(APART)} "{PROGRAM}" "$@"\n')
    script.chmod(0o755)
    return script


def test_ranks_with_process_ids_of_their_own_leave_each_others_files_alone(tmp_path):
    """Rank 1 holds a file under every number that a file of rank 0 may have, and is process 1 of its
    container, as rank 0 is of its own."""
    held = tmp_path / "held"
    held.write_bytes(os.urandom(200_000))
    before = held.read_bytes()
    hold = ('if [ "$OMPI_COMM_WORLD_RANK" = 1 ]; then\n'
            f'  for fd in $(seq 10 90); do eval "exec $fd<>{held}"; done\nfi')
    done = launch(*QUICK, "--timeout", "60", "--out", tmp_path / "out",
                  program=in_containers(tmp_path, hold), env=BY_TCP)
    assert done.returncode == 0, done.stderr
    assert held.read_bytes() == before
    rows = rows_of(tmp_path / "out")
    obstacles = {row["combine"]: row["obstacle"] for row in rows if row["obstacle"]}
    assert obstacles.keys() == OVER_PEERS
    assert all("the same process id" in obstacle for obstacle in obstacles.values())
    assert all(row["verified"] == "true" for row in rows if not row["obstacle"])
    assert {row["claim"] for row in rows} <= {"memory", "functional"}


FOREIGN = [
    {"SLURM_STEP_NUM_TASKS": "4", "SLURM_NTASKS": "4", "SLURM_PROCID": "{rank}", "SLURM_STEP_ID": "0"},
    {"PMI_SIZE": "4", "PMI_RANK": "{rank}"},
]


def alone(environment, rank, *args):
    return subprocess.run([PROGRAM, "--backend", "host", *map(str, args)], capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL,
                          env={**os.environ, **AS_ROOT,
                               **{name: text.format(rank=rank) for name, text in environment.items()}})


@pytest.mark.parametrize("environment", FOREIGN, ids=["srun", "mpiexec"])
def test_ranks_that_do_not_know_each_other_are_refused_in_one_line(environment, tmp_path):
    said = []
    for rank in (0, 2):
        done = alone(environment, rank, *QUICK, "--out", tmp_path / "out")
        assert done.returncode == 2 and done.stdout == ""
        said += done.stderr.splitlines()
    (line,) = said
    assert "started 4 ranks" in line and "MPI knows of 1" in line
    assert not (tmp_path / "out").exists()
    assert alone(environment, 0, "--list", "models").returncode == 0


def test_one_task_is_a_job(tmp_path):
    for environment in FOREIGN:
        one = {name: "1" if text == "4" else text for name, text in environment.items()}
        done = alone(one, 0, *QUICK, "--combine", "all_reduce_slice", "--out", tmp_path)
        assert done.returncode == 0, done.stderr


def test_mpirun_within_a_larger_allocation_is_a_job(tmp_path):
    environment = {name: text.format(rank=0) for name, text in FOREIGN[0].items()}
    done = launch(*QUICK, "--combine", "all_reduce_slice", "--out", tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert {row["ranks"] for row in rows_of(tmp_path)} == {"2"}
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "complete"


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

"""How the tests call the program, and what a run of it leaves."""

import csv
import functools
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("BENCH_MOE_COMM", str(ROOT / "build/host/bench/bench_moe_comm"))
FAULTY = os.environ.get("BENCH_MOE_COMM_FAULTY", PROGRAM.replace("bench/bench", "tests/bench") + "_faulty")
COLLECTIVES = os.environ.get("BENCH_COLLECTIVES", PROGRAM.replace("bench_moe_comm", "bench_collectives"))
MPIEXEC = os.environ.get("MPIEXEC", "mpirun")
# Whether there is time for what differs little from other tests.
FULL = os.environ.get("MOE_TESTS_FULL") == "1"

SMALL = ["--model", "custom", "--hidden", "64", "--experts", "4", "--top-k", "2",
         "--intermediate", "24"]
QUICK = [*SMALL, "--tokens", "6", "--load", "balanced", "--budget", "0.02", "--min-samples", "6"]
# What needs memory that all ranks map: the engine's all-reduce for as few rows as QUICK has, too.
OVER_PEERS = {"all_reduce_engine_dp_scatter", "all_reduce_peer_dp_scatter",
              "all_reduce_push_dp_scatter", "reduce_scatterv_peer", "reduce_scatterv_push",
              "reduce_scatterv_fused"}
AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


# On cores, also where there are GPUs, unless a test is about those.
BACKEND = os.environ.get("MOE_TEST_BACKEND", "host")
OPTIONS = {"host": ["--backend", "host"], "cuda": ["--backend", "cuda", "--share-gpu"]}[BACKEND]
# A daemon for each job: one whose client was killed takes nobody else for a while.
SHARED = {"host": [], "cuda": [str(ROOT / "scripts/share_gpu.sh"), "--"]}[BACKEND]


@functools.cache
def spelled(*wanted):
    """What is asked of the launcher (scripts/launcher.sh), in the words of this one."""
    return subprocess.run([ROOT / "scripts/launcher.sh", MPIEXEC, *wanted], capture_output=True,
                          text=True, check=True).stdout.split()


def mpiexec(ranks):
    """A launcher that allows more ranks than cores and keeps its comments for itself if it can."""
    return [MPIEXEC, *spelled("quiet", "crowded", "unbound"), "-n", str(ranks)]


def command(*args, ranks=2, program=PROGRAM, hosts=()):
    backend = [] if "--backend" in args else OPTIONS
    return [*SHARED, *mpiexec(ranks), *hosts, str(program), *map(str, args), *backend]


def launch(*args, ranks=2, program=PROGRAM, env=None, cwd=None, hosts=()):
    """Runs the program under mpirun to its end."""
    return subprocess.run(command(*args, ranks=ranks, program=program, hosts=hosts),
                          capture_output=True, text=True, timeout=240,
                          env={**os.environ, **AS_ROOT, **(env or {})}, cwd=cwd,
                          stdin=subprocess.DEVNULL)


def two_hosts(folder, places):
    """What makes mpirun take two hosts of these numbers of ranks, or skips the test. Linux
    namespaces make another host of node2: another name, a daemon of its own that is reached by
    TCP, and a monotonic clock that is a thousand seconds ahead. Files are shared."""
    if spelled("kind") != ["openmpi-4"]:
        pytest.skip("other launchers start their daemons in other ways")
    apart = "unshare --uts --time --fork --monotonic"
    if subprocess.run([*apart.split(), "1", "hostname", "node2"], capture_output=True).returncode:
        pytest.skip("no right to make namespaces here")
    agent = folder / "agent.sh"
    agent.write_text('#!/bin/sh\n# What mpirun takes for ssh: HOST COMMAND...\nhost=$1; shift\n'
                     '[ "$host" = node2 ] && ahead=1000\n'
                     f"exec {apart} ${{ahead:-0}} sh -c \"hostname $host; $*\"\n")
    agent.chmod(0o755)
    settings = {"plm_rsh_agent": agent, "btl": "self,vader,tcp", "btl_tcp_if_include": "lo",
                "oob_tcp_if_include": "lo",
                "if_base_do_not_resolve": "1"}  # the names are known to nobody
    return [*(word for name in settings for word in ("--mca", name, str(settings[name]))),
            "-H", ",".join(f"node{i + 1}:{ranks}" for i, ranks in enumerate(places))]


def rows_of(folder):
    with open(folder / "results.csv", newline="") as file:
        return list(csv.DictReader(file))


def exchanges(rows):
    """Those whose exchange is a step of its own, with a time of its own."""
    return [row for row in rows if row["input"].startswith("partial_sums")]

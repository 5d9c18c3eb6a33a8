"""How the tests call the program, and what a run of it leaves."""

import csv
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("BENCH_MOE_COMM", str(ROOT / "build/host/bench/bench_moe_comm"))
FAULTY = os.environ.get("BENCH_MOE_COMM_FAULTY", PROGRAM.replace("bench/bench", "tests/bench") + "_faulty")
MPIEXEC = os.environ.get("MPIEXEC", "mpirun")

SMALL = ["--model", "custom", "--hidden", "64", "--experts", "4", "--top-k", "2",
         "--intermediate", "24"]
QUICK = [*SMALL, "--tokens", "6", "--load", "balanced", "--budget", "0.02", "--min-samples", "6"]
AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


# On cores, also where there are GPUs, unless a test is about those.
BACKEND = os.environ.get("MOE_TEST_BACKEND", "host")
OPTIONS = {"host": ["--backend", "host"], "cuda": ["--backend", "cuda", "--share-gpu"]}[BACKEND]
# A daemon for each job: one whose client was killed takes nobody else for a while.
SHARED = {"host": [], "cuda": [str(ROOT / "scripts/share_gpu.sh"), "--"]}[BACKEND]


def command(*args, ranks=2, program=PROGRAM):
    """-q: mpirun comments on statuses, at length."""
    backend = [] if "--backend" in args else OPTIONS
    return [*SHARED, MPIEXEC, "-q", "--oversubscribe", "--bind-to", "none", "-n", str(ranks), str(program),
            *map(str, args), *backend]


def launch(*args, ranks=2, program=PROGRAM, env=None, cwd=None):
    """Runs the program under mpirun to its end."""
    return subprocess.run(command(*args, ranks=ranks, program=program), capture_output=True,
                          text=True, timeout=240, env={**os.environ, **AS_ROOT, **(env or {})},
                          cwd=cwd, stdin=subprocess.DEVNULL)


def rows_of(folder):
    with open(folder / "results.csv", newline="") as file:
        return list(csv.DictReader(file))

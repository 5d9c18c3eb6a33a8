"""Sweeps that are ended early, and what they may leave."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from program import AS_ROOT, BACKEND, PROGRAM, SMALL, command, rows_of

# A rank is gone this many seconds after its job has no future any more; how long a rank may be
# silent; and what mpirun and the libraries take to start. MPS daemons and NCCL take seconds.
GRACE, STUCK_AFTER, STARTS_IN = (5, 2, 3) if BACKEND == "host" else (15, 15, 30)
SWEEP = [*SMALL, "--load", "balanced", "--tokens", "1:64:x2", "--budget", "0.1", "--min-samples",
         "6", "--ci", "0.0001", "--scope", "output", "--progress", "none",
         "--combine", "all_reduce_slice,reduce_scatterv_peer"]
SWEEP_ROWS = 7 * 3  # tokens, the baseline and two strategies


def processes_of(folder):
    found = subprocess.run(["pgrep", "-f", f"{Path(PROGRAM).name}.*--out {folder}( |$)"],
                           capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def ranks_of(folder):
    """Of the processes that belong to a run, those that are no launcher."""
    def is_rank(pid):
        try:
            return Path(f"/proc/{pid}/comm").read_text().startswith("bench_moe")
        except OSError:  # gone in between
            return False

    return [pid for pid in processes_of(folder) if is_rank(pid)]


def own_folders(folder):
    """Where Open MPI 4.1 keeps what ranks share and what its launcher needs: a launcher that is killed
    leaves that, which is its own affair, and no test is to leave it behind."""
    place = Path(folder) / "of_mpi"
    place.mkdir(parents=True, exist_ok=True)
    return {f"OMPI_MCA_{name}": str(place) for name in (
        "btl_vader_backing_directory", "osc_sm_backing_directory", "orte_tmpdir_base")}


def shared_files(folder):
    """Of shared memory, by Open MPI's name for it. Not osc_sm.HOST.JOB.RANK.NUMBER, which Open MPI
    4.1 unlinks when all ranks have mapped a window and leaves if one is killed before."""
    return list((Path(folder) / "of_mpi").rglob("*_segment.*"))


def start(*args, ranks=3, program=PROGRAM, env=None, first=None):
    return subprocess.Popen(command(*args, ranks=ranks, program=program), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
                            preexec_fn=first, env={
                                **os.environ, **AS_ROOT, **own_folders(args[args.index("--out") + 1]),
                                **(env or {})})


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return result


def end_of(running, folder):
    """What it said. Open MPI 4.1.4's mpirun was seen to hang for ever when a rank is killed while
    it starts: with no rank left, that is not our program."""
    try:
        return running.communicate(timeout=20)[1]
    except subprocess.TimeoutExpired:
        assert not ranks_of(folder)
        running.kill()
        return running.communicate()[1]


def status_of(folder):
    return json.loads((folder / "status.json").read_text())


def assert_only_whole_rows(folder):
    """Whole lines, whole cases, no row twice; the samples of a row are all there."""
    if not (folder / "results.csv").exists():
        return
    for name in ("results.csv", "results.samples.csv"):
        text = (folder / name).read_text()
        assert text.endswith("\n")
        assert len({line.count(",") for line in text.splitlines()}) == 1, "a torn line"
    rows = rows_of(folder)
    keys = [(row["launch"], row["case_id"], row["combine"]) for row in rows]
    assert len(set(keys)) == len(keys), "a row twice"


def assert_nothing_alive(folder, since):
    """Every process of the run ends within the grace."""
    wait_for(lambda: not processes_of(folder), max(since + GRACE - time.monotonic(), 0.1))


def assert_nothing_left(folder, since):
    """Nor is shared memory left behind, where the launcher lived to clean up."""
    assert_nothing_alive(folder, since)
    wait_for(lambda: not shared_files(folder), 3)


FAILED = 3
# Where a rank dies and another gives up because of that, as NCCL's error makes it, mpirun's status
# is that of the one that it hears of first.
GIVES_UP = set() if BACKEND == "host" else {FAILED}
KILLED, CRASHED = {128 + signal.SIGKILL} | GIVES_UP, {128 + signal.SIGSEGV} | GIVES_UP

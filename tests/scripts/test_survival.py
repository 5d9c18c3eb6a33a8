"""What a sweep leaves when it is ended early, and how it goes on: ranks that die, crash, throw, hang
or are stopped, a launcher that is killed, interrupts, half-written files."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from program import (
    AS_ROOT, BACKEND, FAULTY, PROGRAM, QUICK, SMALL, command, launch, rows_of, two_hosts)

# A rank is gone this many seconds after its job has no future any more; how long a rank may be
# silent; and what mpirun and the libraries take to start. MPS daemons and NCCL take seconds.
GRACE, STUCK_AFTER, STARTS_IN = (5, 2, 3) if BACKEND == "host" else (15, 15, 30)
SWEEP = [*SMALL, "--load", "balanced", "--tokens", "1:64:x2", "--budget", "0.1", "--min-samples",
         "6", "--ci", "0.0001", "--scope", "output", "--progress", "none",
         "--combine", "all_reduce_slice,reduce_scatterv_peer"]
SWEEP_ROWS = 7 * 3  # tokens, the baseline and two strategies
# Every fault in every form, which takes minutes; else each kind once.
FULL = os.environ.get("MOE_TESTS_FULL") == "1"


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


DEADLY = "two runs died in this case"


def heed(sent):
    """What makes a command hear a signal that the shell ignores for what it runs in the background."""
    return lambda: signal.signal(sent, signal.SIG_DFL)


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
OVER_PEERS = ("misbehaves_peer", "misbehaves_push", "misbehaves_all_reduce_push")
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


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    done = launch(*SWEEP, "--out", folder, ranks=3)
    assert done.returncode == 0, done.stderr
    return {(row["case_id"], row["combine"]) for row in rows_of(folder)}


def test_a_sweep_killed_again_and_again_ends_with_the_same_rows(tmp_path, unbroken):
    """SIGKILL to the launcher or to any rank, at random moments, until the sweep is through.
    MOE_KILLS says how often at least; more than once through if it must."""
    seed = int(os.environ.get("MOE_KILL_SEED", "1"))
    chance = random.Random(seed)
    wanted = int(os.environ.get("MOE_KILLS", "10" if FULL else "3"))
    killed = 0
    while killed < wanted:
        folder = tmp_path / f"sweep-{killed}"
        status = None
        while status != 0:
            running = start(*SWEEP, "--resume", "--out", folder)
            time.sleep(chance.uniform(0.1, 1.6))
            victims = [running.pid, *ranks_of(folder)]
            if running.poll() is None and killed < wanted:
                try:
                    os.kill(chance.choice(victims), signal.SIGKILL)
                    killed += 1
                except ProcessLookupError:
                    pass
            at = time.monotonic()
            said = end_of(running, folder)
            status = running.returncode
            assert status in (0, 3, -signal.SIGKILL, 128 + signal.SIGKILL), (seed, said)
            if status != 0:
                assert_nothing_alive(folder, at)
                assert_only_whole_rows(folder)
        rows = rows_of(folder)
        assert len(rows) == SWEEP_ROWS, (seed, killed)
        assert {(row["case_id"], row["combine"]) for row in rows} == unbroken
        assert all(not row["obstacle"] or DEADLY in row["obstacle"] for row in rows)
        assert status_of(folder)["state"] == "complete"


def test_a_case_that_kills_every_run_is_left_out(tmp_path):
    """The first of two cases, which it is by its place in the sweep; everything is killed at once, as
    by an out-of-memory killer that takes whole groups, and then a rank alone."""
    def run(fault):
        return launch(*QUICK, "--tokens", "6,12", "--combine", "misbehaves", "--resume", "--out",
                      tmp_path, "--progress", "none", program=FAULTY, ranks=2, env={
                          "MOE_FAULT": fault, **own_folders(tmp_path)})

    assert run("kill 0 14").returncode != 0
    left = status_of(tmp_path)
    left.update(state="running")  # as if nobody had lived to write what happened
    (tmp_path / "status.json").write_text(json.dumps(left))
    assert run("kill 1 14").returncode != 0
    assert status_of(tmp_path)["deaths"] == {left["case_id"]: 1}
    assert rows_of(tmp_path) == []
    done = run("none 1 0")
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path)
    assert [(row["tokens"], row["verified"]) for row in rows] == [
        ("6", ""), ("6", ""), ("12", "true"), ("12", "true")]
    assert all((DEADLY in row["obstacle"]) == (row["tokens"] == "6") for row in rows)
    assert status_of(tmp_path)["state"] == "complete"


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


@pytest.fixture(scope="module")
def half(tmp_path_factory, unbroken):
    """A whole file of a sweep, to be damaged."""
    folder = tmp_path_factory.mktemp("half")
    assert launch(*SWEEP, "--out", folder, ranks=3).returncode == 0
    return folder


def resumed(half, tmp_path, *more, damage=lambda folder: None):
    folder = tmp_path / "copy"
    shutil.copytree(half, folder)
    damage(folder)
    return folder, launch(*SWEEP, *more, "--resume", "--out", folder, ranks=3)


def cut(name, size):
    def damage(folder):
        with open(folder / name, "r+b") as file:
            file.truncate(size if size >= 0 else os.path.getsize(folder / name) + size)

    return damage


@pytest.mark.parametrize("damage", [
    lambda folder: None,
    cut("results.csv", -7),          # half a row
    cut("results.csv", 100),         # half the header
    cut("results.csv", 0),
    cut("results.samples.csv", -5),
], ids=["whole", "torn row", "torn header", "empty", "torn sample"])
def test_a_damaged_file_is_mended_and_completed(damage, half, tmp_path, unbroken):
    folder, done = resumed(half, tmp_path, damage=damage)
    assert done.returncode == 0, done.stderr
    assert_only_whole_rows(folder)
    rows = rows_of(folder)
    assert len(rows) == SWEEP_ROWS
    assert {(row["case_id"], row["combine"]) for row in rows} == unbroken
    with open(folder / "results.samples.csv") as file:
        assert {line.split(",")[1] for line in file.readlines()[1:]} == {c for c, _ in unbroken}


def test_what_is_there_is_not_measured_again(half, tmp_path):
    folder, done = resumed(half, tmp_path)
    assert "resumed: 7 of 7 cases are there already" in done.stdout
    assert (folder / "results.csv").read_text() == (half / "results.csv").read_text()


def test_without_resume_a_torn_file_is_left_alone(half, tmp_path):
    shutil.copytree(half, tmp_path / "copy")
    cut("results.csv", -7)(tmp_path / "copy")
    before = (tmp_path / "copy/results.csv").read_bytes()
    done = launch(*SWEEP, "--out", tmp_path / "copy", ranks=3)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and "--resume" in done.stderr
    assert (tmp_path / "copy/results.csv").read_bytes() == before


def change_provenance(key, value):
    def damage(folder):
        path = folder / "results.json"
        provenance = json.loads(path.read_text())
        for run in provenance["runs"].values():
            run[key] = value
        path.write_text(json.dumps(provenance))

    return damage


@pytest.mark.parametrize(("more", "damage", "said"), [
    (["--budget", "0.2"], lambda folder: None, '--budget "0.1", not "0.2"'),
    (["--tokens", "1:128:x2"], lambda folder: None, '--tokens "1:64:x2", not "1:128:x2"'),
    (["--launch", "2/7"], lambda folder: None, "launches 1, not 7"),
    ([], change_provenance("device", "Abacus"), 'device "Abacus", not'),
    ([], change_provenance("settings", {}), "null"),
    ([], cut("results.json", 0), "is not a provenance file"),
])
def test_rows_of_another_sweep_or_machine_are_not_mixed(more, damage, said, half, tmp_path):
    folder, done = resumed(half, tmp_path, *more, damage=damage)
    assert done.returncode == 2, done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert said in done.stderr
    assert (folder / "results.csv").read_bytes() == (half / "results.csv").read_bytes()


def test_launches_share_a_file_and_run_in_another_order(tmp_path):
    for launch_number in ("1/2", "2/2"):
        done = launch(*SWEEP, "--launch", launch_number, "--resume", "--out", tmp_path, ranks=3)
        assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path)
    assert len(rows) == 2 * SWEEP_ROWS
    assert {row["launches_planned"] for row in rows} == {"2"}
    order = {number: [row["tokens"] for row in rows if row["launch"] == number][::3]
             for number in ("1", "2")}
    assert order["1"] == ["1", "2", "4", "8", "16", "32", "64"]
    assert sorted(order["2"]) == sorted(order["1"]) and order["2"] != order["1"]


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

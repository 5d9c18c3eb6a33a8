"""How a sweep goes on after it was ended: rows once, files mended, deadly cases left out."""

import json
import os
import random
import shutil
import signal
import time

import pytest
from ended_runs import (
    SWEEP, SWEEP_ROWS, assert_nothing_alive, assert_only_whole_rows, end_of, own_folders, ranks_of,
    start, status_of)
from program import FAULTY, FULL, QUICK, launch, rows_of

DEADLY = "two runs died in this case"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a sweep that nothing ended early."""
    folder = tmp_path_factory.mktemp("whole")
    done = launch(*SWEEP, "--out", folder, ranks=3)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def unbroken(whole):
    """Its rows."""
    return {(row["case_id"], row["combine"]) for row in rows_of(whole)}


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


def resumed(whole, tmp_path, *more, damage=lambda folder: None):
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
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
def test_a_damaged_file_is_mended_and_completed(damage, whole, tmp_path, unbroken):
    folder, done = resumed(whole, tmp_path, damage=damage)
    assert done.returncode == 0, done.stderr
    assert_only_whole_rows(folder)
    rows = rows_of(folder)
    assert len(rows) == SWEEP_ROWS
    assert {(row["case_id"], row["combine"]) for row in rows} == unbroken
    with open(folder / "results.samples.csv") as file:
        assert {line.split(",")[1] for line in file.readlines()[1:]} == {c for c, _ in unbroken}


def test_what_is_there_is_not_measured_again(whole, tmp_path):
    folder, done = resumed(whole, tmp_path)
    assert "resumed: 7 of 7 cases are there already" in done.stdout
    assert (folder / "results.csv").read_text() == (whole / "results.csv").read_text()


def test_the_last_of_two_sweeps_in_one_file_goes_on(whole, tmp_path, unbroken):
    """And one that is in neither is refused."""
    folder = tmp_path / "two"
    other = [*QUICK, "--tokens", "6", "--combine", "reduce_scatterv_peer"]
    assert launch(*other, "--out", folder, ranks=3).returncode == 0
    first = rows_of(folder)
    assert launch(*SWEEP, "--out", folder, ranks=3).returncode == 0
    cut("results.csv", -7)(folder)
    done = launch(*SWEEP, "--resume", "--out", folder, ranks=3)
    assert done.returncode == 0, done.stderr
    rows = rows_of(folder)
    assert rows[:len(first)] == first
    assert {(row["case_id"], row["combine"]) for row in rows[len(first):]} == unbroken
    assert len(rows) == len(first) + SWEEP_ROWS
    refused = launch(*other, "--seed", "7", "--resume", "--out", folder, ranks=3)
    assert refused.returncode == 2
    assert f'{folder}/results.csv was made with ' in refused.stderr


def test_without_resume_a_torn_file_is_left_alone(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "copy")
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
def test_rows_of_another_sweep_or_machine_are_not_mixed(more, damage, said, whole, tmp_path):
    folder, done = resumed(whole, tmp_path, *more, damage=damage)
    assert done.returncode == 2, done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert said in done.stderr
    assert (folder / "results.csv").read_bytes() == (whole / "results.csv").read_bytes()


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

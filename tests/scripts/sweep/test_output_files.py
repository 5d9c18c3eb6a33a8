"""The files that a sweep writes, and places where it cannot."""

import csv
import json
import re
import subprocess

import pytest
from program import QUICK, ROOT, launch, rows_of
from strategies import STRATEGIES

GOLDEN = ROOT / "tests/golden"


def test_provenance_has_its_keys_and_no_secrets(finished):
    folder, _ = finished
    text = (folder / "results.json").read_text()
    assert "s3cr3t" not in text and "AWS" not in text
    runs = json.loads(text)["runs"]
    (run_id, run), = runs.items()
    assert sorted(run) == (GOLDEN / "provenance_keys.txt").read_text().split()
    assert run["environment"]["NCCL_TEST_VARIABLE"] == "kept"
    assert run_id == rows_of(folder)[0]["run_id"]
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", run["git_revision"])
    status = json.loads((folder / "status.json").read_text())
    assert status["state"] == "complete"
    assert status["rows"] == len(rows_of(folder))


def test_the_same_file_twice_holds_both_runs(tmp_path):
    for _ in range(2):
        assert launch(*QUICK, "--csv", tmp_path / "mine.csv").returncode == 0
    with open(tmp_path / "mine.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    runs = {row["run_id"] for row in rows}
    assert len(rows) == 2 * STRATEGIES and len(runs) == 2
    assert set(json.loads((tmp_path / "mine.json").read_text())["runs"]) == runs
    assert {row["case_id"] for row in rows} == {rows[0]["case_id"]}, "same inputs, same id"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mine.csv", "mine.json", "mine.samples.csv", "mine.status.json"]


def test_a_file_with_other_columns_is_left_alone(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("a,b\n1,2\n")
    done = launch(*QUICK, "--out", tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and "other columns" in done.stderr
    assert path.read_text() == "a,b\n1,2\n"


def test_a_folder_that_cannot_be_made_is_found_before_the_sweep(tmp_path):
    (tmp_path / "file").write_text("")
    done = launch(*QUICK, "--out", tmp_path / "file" / "below", ranks=3)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB, where mounting one is allowed."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder],
                             capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no right to mount a file system here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_said_in_one_line_and_leaves_whole_rows(small_disk):
    done = launch(*QUICK, "--tokens", "1:64:x2", "--budget", "1", "--ci", "0.001", "--out",
                  small_disk / "out", "--progress", "none")
    assert done.returncode == 3
    cause = [line for line in done.stderr.splitlines() if "rank 0 of 2" in line]
    # The rows' files or status.json, whichever comes to the end of the disk first.
    assert len(cause) == 1, done.stderr
    assert re.search(r"cannot (append to \S+: the disk is full|write \S+: No space left)", cause[0])
    assert not list(small_disk.glob("out/*.new"))
    for name in ("results.csv", "results.samples.csv"):
        lines = (small_disk / "out" / name).read_text().splitlines()
        assert len({line.count(",") for line in lines}) == 1, "a row is torn"


def test_a_disk_without_any_room_is_found_before_the_sweep(small_disk):
    (small_disk / "filler").write_bytes(b"x" * 60 * 1024)
    done = launch(*QUICK, "--out", small_disk / "out", "--progress", "none")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr

"""--trace: what viewers of the Trace Event Format find in the file. Perfetto's own trace processor is
downloaded when it is used, so that a machine without a network cannot ask it: the fields that the format
documents are looked at here."""

import json
from collections import defaultdict

import pytest
from program import QUICK, launch, rows_of

PHASES = ["gather", "route", "permute", "experts", "shared", "local_combine", "combine"]
RANKS = 2


def processes_of(file):
    """The slices of each track, by the names of process and thread."""
    names, slices = {}, defaultdict(list)
    for event in json.loads(file.read_text()):
        at = (event["pid"], event["tid"])
        assert all(isinstance(number, int) and number >= 0 for number in at)
        if event["ph"] == "M" and event["name"].endswith("_name"):
            names[at] = event["args"]["name"]
        elif event["ph"] == "X":
            assert isinstance(event["ts"], float) and event["dur"] >= 0
            slices[at].append(event)
        else:
            assert event["name"].endswith("_sort_index") and "sort_index" in event["args"]
    assert len({tid for _, tid in slices}) == len(slices), "no thread is in two processes"
    processes = defaultdict(dict)
    for (pid, tid), track in slices.items():
        processes[names[pid, 0]][names[pid, tid]] = track
    return processes


def test_every_strategy_has_a_track_of_phases_for_each_rank(tmp_path):
    file = tmp_path / "trace.json"
    done = launch(*QUICK, "--load", "balanced,hot", "--combine",
                  "reduce_scatterv_alltoallv,reduce_scatterv_fused", "--trace", file, "--out",
                  tmp_path / "out", ranks=RANKS)
    assert done.returncode == 0, done.stderr
    processes = processes_of(file)
    timed = [row for row in rows_of(tmp_path / "out") if row["layer_us_median"]]
    assert len(processes) == len(timed) == 6
    for row in timed:
        (tracks,) = [tracks for name, tracks in processes.items()
                     if name.endswith(f"{row['load']}: 6 tokens | {row['combine']}")]
        assert list(tracks) == [f"rank {rank}" for rank in range(RANKS)]
        for track in tracks.values():
            assert [slice["name"] for slice in track if slice["cat"] == "phase"] == PHASES
            assert {slice["name"] for slice in track if slice["cat"] != "phase"} <= {"wait"}
            for before, after in zip(track, track[1:]):
                assert before["ts"] + before["dur"] <= after["ts"] + 0.002, "slices overlap"


def test_cases_follow_each_other(tmp_path):
    file = tmp_path / "new" / "trace.json"
    done = launch(*QUICK, "--tokens", "6,7", "--combine", "all_reduce_slice", "--trace", file, "--out",
                  tmp_path / "out")
    assert done.returncode == 0, done.stderr
    span = {tokens: [(min(slice["ts"] for slice in track), max(slice["ts"] for slice in track))
                     for name, tracks in processes_of(file).items() for track in tracks.values()
                     if f": {tokens} tokens" in name] for tokens in (6, 7)}
    assert max(end for _, end in span[6]) < min(begin for begin, _ in span[7])


@pytest.mark.parametrize("kind", ["results", "folder of a file"])
def test_a_file_that_cannot_be_the_trace_is_said_before_anything_is_written(tmp_path, kind):
    other = tmp_path / "other.csv"
    other.write_text("schema_version,run_id\n")
    file = {"results": other, "folder of a file": other / "trace.json"}[kind]
    done = launch(*QUICK, "--trace", file, "--out", tmp_path / "out")
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("bench_moe_comm: ")]
    assert str(other) in line
    assert other.read_text() == "schema_version,run_id\n"
    assert not (tmp_path / "out").exists()


def test_a_dry_run_writes_no_trace(tmp_path):
    done = launch(*QUICK, "--dry-run", "--trace", "trace.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []

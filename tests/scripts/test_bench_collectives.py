"""The micro-benchmark of the collectives from outside: what it times, for how long, and where."""

import json

import pytest
from program import COLLECTIVES, launch

SECONDS = 0.02
NAMES = ["all_reduce", "reduce_scatter", "grouped_reduce", "grouped_reduce_uneven", "all_gather",
         "all_reduce_push", "all_reduce_one_shot", "all_reduce_two_shot", "all_reduce_engine",
         "reduce_scatter_pull", "reduce_scatter_push", "all_gather_push"]
CALLS_IN_A_ROW = 20


def report_of(folder, *args):
    """What Google Benchmark wrote: two sizes, a quick look at each."""
    file = folder / "report.json"
    done = launch(f"--benchmark_min_time={SECONDS}", "--largest", 65536, f"--benchmark_out={file}",
                  *args, program=COLLECTIVES)
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text())


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return report_of(tmp_path_factory.mktemp("collectives"))


def test_every_collective_is_timed_both_ways_at_every_size(report):
    assert [run["name"] for run in report["benchmarks"]] == [
        f"{name}/{way}/{size}/manual_time" for name in NAMES
        for way in ("isolated", "back_to_back") for size in (16384, 65536)]


def test_bandwidth_is_bytes_over_the_time_of_one_call(report):
    for run in report["benchmarks"]:
        size = int(run["name"].split("/")[2])
        assert run["algbw_gbps"] == pytest.approx(size / run["real_time"] * 1e-3, rel=1e-4)
        share = 1 if run["name"].startswith("all_reduce") else 1 / 2  # 2 ranks: 2(n-1)/n, (n-1)/n
        assert run["busbw_gbps"] == pytest.approx(run["algbw_gbps"] * share, rel=1e-4)


def test_min_time_is_the_time_of_all_calls(report):
    in_a_row = [run for run in report["benchmarks"] if "back_to_back" in run["name"]]
    for run in report["benchmarks"]:
        assert run["iterations"] * run["real_time"] * 1e-6 >= SECONDS
    for run in in_a_row:
        assert run["iterations"] % CALLS_IN_A_ROW == 0, "an iteration is one call"
    # What the processor was busy with is what is said to have been timed, not many times as much.
    # A busy machine only makes the time longer.
    busy, timed = (sum(run["iterations"] * run[kind] for run in in_a_row)
                   for kind in ("cpu_time", "real_time"))
    assert busy < timed * CALLS_IN_A_ROW / 4


def test_calls_walk_through_more_than_the_cache_unless_they_are_to_be_warm(report, tmp_path):
    assert "walk through" in report["context"]["buffers"]
    warm = report_of(tmp_path, "--warm", "--benchmark_filter=all_gather/.*/16384")
    assert "the same memory" in warm["context"]["buffers"]
    assert len(warm["benchmarks"]) == 2


@pytest.mark.parametrize(("args", "said"), [
    (["--no-such-option"], "--no-such-option"), (["stray"], "stray"),
    (["--backend", "tpu"], "there are: host"),
    (["--largest", "5"], "16384 to 2147483648"), (["--largest", "much"], "much"),
    (["--sizes", "4096,none"], "--sizes"), (["--sizes", "0"], "1 to 2147483648"),
])
def test_bad_argument_gets_one_line_and_status_2(args, said):
    done = launch(*args, program=COLLECTIVES)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("bench_collectives: ")
    assert said in lines[0]


def test_help_names_the_options():
    done = launch("--help", program=COLLECTIVES)
    assert done.returncode == 0, done.stderr
    assert {"--backend", "--largest", "--share-gpu", "--warm"} <= set(done.stdout.split())

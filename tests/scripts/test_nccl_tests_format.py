"""bench_collectives in the format of nccl-tests, as parsers of its table and its JSON read it."""

import json
import re

import pytest
from program import COLLECTIVES, launch

KINDS = {"all_reduce": (1, "sum", 1), "reduce_scatter": (2, "sum", 1 / 2),
         "grouped_reduce": (2, "sum", 1 / 2), "all_gather": (2, "none", 1 / 2)}
COLUMNS = ["size", "count", "type", "redop", "root",
           *["time", "algbw", "busbw", "#wrong"] * 2]  # out of place, in place
HALF = 0.005  # of the last digit of a column
QUICK = ["--benchmark_min_time=0.002",
         "--benchmark_filter=^(all_reduce|reduce_scatter|grouped_reduce|all_gather)/"]


def run(*args):
    done = launch(*QUICK, *args, program=COLLECTIVES)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tables_of(text):
    """By collective: rows under the names of the header, and the mean bus bandwidth."""
    tables, name = {}, None
    for line in text.splitlines():
        if start := re.fullmatch(r"# Collective test starting: (\S+)", line):
            name = start.group(1)
            tables[name] = {"rows": [], "header": None}
        elif line.startswith("#") and line.split()[1:2] == ["size"]:
            tables[name]["header"] = line.split()[1:]
        elif mean := re.fullmatch(r"# Avg bus bandwidth *: (\S+) *", line):
            tables[name]["mean"] = float(mean.group(1))
        elif line and not line.startswith("#"):
            tables[name]["rows"].append(line.split())
    return tables


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    file = tmp_path_factory.mktemp("nccl") / "out.json"
    text = run("-b", "8", "-e", "4K", "-f", "8", "-J", file)
    return tables_of(text), json.loads(file.read_text())


def test_there_is_a_table_for_each_collective_with_the_sizes_asked_for(both):
    tables, _ = both
    assert list(tables) == list(KINDS)
    for table in tables.values():
        assert table["header"] == COLUMNS
        # 8 is raised to a vector for each of two ranks; then times 8, and the largest.
        assert [int(row[0]) for row in table["rows"]] == [32, 64, 512, 4096]


def test_rows_have_the_columns_of_nccl_tests(both):
    tables, _ = both
    for name, table in tables.items():
        parts, redop, share = KINDS[name]
        for row in table["rows"]:
            assert len(row) == len(COLUMNS)
            size, count, kind, op, root, us, algbw, busbw = row[:8]
            assert (kind, op, root) == ("bfloat16", redop, "-1")
            assert int(count) * 2 * parts == int(size)
            assert float(us) > 0
            rounded = 0.01 + HALF / float(us)
            assert float(algbw) == pytest.approx(int(size) / float(us) * 1e-3, rel=rounded, abs=2 * HALF)
            assert float(busbw) == pytest.approx(float(algbw) * share, rel=0.01, abs=2 * HALF)
            assert row[8:] == ["0", *["N/A"] * 4], "right, and not timed in place"


def test_the_json_says_the_same(both):
    tables, report = both
    assert report["version"] == 2 and report["errors"] == []
    assert report["args"][0].endswith("bench_collectives") and "-J" in report["args"]
    config = report["config"]
    assert (config["minimum_bytes"], config["maximum_bytes"], config["step_factor"]) == (8, 4096, 8)
    assert config["validation"] == 1 and report["out_of_bounds"] == {"count": 0, "okay": "true"}
    assert [device["rank"] for device in config["devices"]] == [0, 1]
    rows = {(row["experiment_name"], row["size"]): row for row in report["results"]}
    assert len(rows) == len(report["results"]) == sum(len(table["rows"]) for table in tables.values())
    for name, table in tables.items():
        for size, count, kind, op, root, us, *_ in table["rows"]:
            row = rows[name, int(size)]
            assert [row["count"], row["type"], row["redop"], int(row["root"])] == [
                int(count), kind, op, int(root)]
            times = row["out_of_place"]
            assert times["time"] == pytest.approx(float(us), rel=0.01, abs=2 * HALF)
            assert times["alg_bw"] == pytest.approx(row["size"] / times["time"] * 1e-3)
            assert times["nwrong"] == 0 and row["in_place"] is None
            assert row["actual_iterations"] % config["iterations"] == 0
        bandwidths = [rows[name, int(row[0])]["out_of_place"]["bus_bw"] for row in table["rows"]]
        assert table["mean"] == pytest.approx(sum(bandwidths) / len(bandwidths), rel=1e-3)
    everything = [row["out_of_place"]["bus_bw"] for row in report["results"]]
    assert report["average_bus_bandwidth"]["bandwidth"] == pytest.approx(
        sum(everything) / len(everything))


def test_all_results_are_right_those_over_peer_memory_too():
    done = launch("--benchmark_min_time=0.001", "--format", "nccl-tests", "-b", "8", "-e", "64K", "-f",
                  "64", program=COLLECTIVES, ranks=3)
    assert done.returncode == 0, done.stderr
    tables = tables_of(done.stdout)
    assert len(tables) == 12
    assert {row[8] for table in tables.values() for row in table["rows"]} == {"0"}


def test_results_that_are_not_checked_are_not_called_right():
    (table,) = tables_of(run("-b", "4K", "-e", "4K", "-c", "0", "--format", "nccl-tests",
                             "--benchmark_filter=^all_reduce/")).values()
    assert [row[8] for row in table["rows"]] == ["N/A"]


def test_sizes_can_be_listed():
    text = run("--sizes", "40960,8192", "--benchmark_filter=^all_gather/back")
    assert re.findall(r"all_gather/back_to_back/(\d+)/manual_time", text) == ["40960", "8192"]


def test_sizes_are_the_same_in_googles_format():
    text = run("-b", "1K", "-e", "5000", "-f", "2", "--benchmark_filter=^all_gather/back")
    assert re.findall(r"all_gather/back_to_back/(\d+)/manual_time", text) == [
        "1024", "2048", "4096", "5000"]


@pytest.mark.parametrize(("args", "said"), [
    (["-b", "2K", "-e", "1K"], "-e (--largest) 1024: bytes from 2048 to 2147483648"),
    (["-b", "0"], "-b 0: bytes from 1"), (["-b", "few"], "few"), (["-e", "3G"], "2147483648"),
    (["-f", "1"], "--stepfactor"), (["--format", "csv"], "nccl-tests"),
    (["-J", "no/such/folder.json"], "-J no/such/folder.json: cannot make it"),
])
def test_bad_argument_gets_one_line_and_status_2(tmp_path, args, said):
    done = launch(*args, program=COLLECTIVES, cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("bench_collectives: ") and said in line
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_replaced(tmp_path):
    file = tmp_path / "out.json"
    file.write_text("mine")
    done = launch("-J", file, program=COLLECTIVES)
    assert done.returncode == 2 and "exists" in done.stderr
    assert file.read_text() == "mine"

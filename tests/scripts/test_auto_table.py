"""reduce_scatterv_auto from outside: the table that a run measures, and runs that read one."""

import json

import pytest
from program import SMALL, launch, rows_of

AUTO = "reduce_scatterv_auto"
SWEEP = [*SMALL, "--tokens", "4,64", "--load", "balanced,hot", "--scope", "output", "--budget", "0.02",
         "--min-samples", "6"]
CHOICES = ["--combine", f"{AUTO},reduce_scatterv_native"]


def measured(folder, *more):
    done = launch(*SWEEP, *CHOICES, "--out", folder, *more)
    assert done.returncode == 0, done.stderr
    return done


def choices(folder):
    return {(row["tokens"], row["load"]): row["variant"] for row in rows_of(folder)
            if row["combine"] == AUTO}


def provenance(folder):
    return [run["auto_table"] for run in json.loads((folder / "results.json").read_text())["runs"].values()]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("auto")
    return folder, measured(folder)


def test_each_case_runs_what_its_row_of_the_table_has_as_the_fastest(finished):
    folder, done = finished
    table = json.loads((folder / "auto_table.json").read_text())
    assert (table["backend"], table["ranks"], table["mode"]) == ("host", 2, "isolated")
    fastest = {(row["bytes"], row["largest_share"]): min(row["us"], key=row["us"].get)
               for row in table["rows"]}
    rows = [row for row in rows_of(folder) if row["combine"] == AUTO]
    assert len(rows) == 4 and all(row["verified"] == "true" for row in rows)
    for row in rows:
        share = 0.5 if row["load"] == "balanced" else 1
        assert row["variant"] == fastest[int(row["rows"]) * 64 * 2, share]
    assert provenance(folder) == [{"measured": True, "file": None}]
    assert "Measuring the table that reduce_scatterv_auto chooses by" in done.stdout
    assert "4 exchanges in " in done.stdout and f"s: {folder}/auto_table.json" in done.stdout


def test_a_table_that_is_given_is_not_measured_and_chooses_alike(finished, tmp_path):
    folder, _ = finished
    given = str(folder / "auto_table.json")
    done = measured(tmp_path, "--auto-table", given)
    assert choices(tmp_path) == choices(folder)
    assert provenance(tmp_path) == [{"measured": False, "file": given}]
    assert not (tmp_path / "auto_table.json").exists() and "Measuring" not in done.stdout


def all_native(file):
    """A table of its strategies in which the library's own is the fastest everywhere."""
    table = json.loads(file.read_text())
    for row in table["rows"]:
        row["us"]["reduce_scatterv_native"] = 1e-3
    file.write_text(json.dumps(table))


@pytest.mark.parametrize("goes_on", ["--resume", "--launch"])
def test_a_run_that_goes_on_chooses_by_the_table_beside_the_results(tmp_path, goes_on):
    begun, again = {"--resume": (["--time", "0.001"], ["--resume"]),
                    "--launch": (["--launch", "1/2"], ["--launch", "2/2"])}[goes_on]
    measured(tmp_path, *begun)
    before = len(rows_of(tmp_path))
    all_native(tmp_path / "auto_table.json")
    done = measured(tmp_path, *again)
    assert "Measuring" not in done.stdout
    later = [row["variant"] for row in rows_of(tmp_path)[before:] if row["combine"] == AUTO]
    assert later and set(later) == {"reduce_scatterv_native"}
    assert [run["measured"] for run in provenance(tmp_path)] == [True, False]


@pytest.mark.parametrize(("change", "said"), [
    ({"ranks": 8}, "a table of ranks '8', and this run has '2'; name another, or none"),
    ({"device": "another"}, "a table of device 'another', and this run has '"),
    ({"mode": "pipelined"}, "a table of mode 'pipelined', and this run has 'isolated'"),
    ({"rows": [{}]}, "row 1: 'dtype' is missing"),
], ids=["ranks", "device", "mode", "row"])
def test_a_table_of_another_run_is_refused_in_one_line(finished, tmp_path, change, said):
    folder, _ = finished
    table = json.loads((folder / "auto_table.json").read_text())
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps({**table, **change}))
    done = launch(*SWEEP, *CHOICES, "--auto-table", bad, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and said in done.stderr, done.stderr
    assert not (tmp_path / "out").exists(), "nothing may be written"


def test_a_folder_is_no_table(tmp_path):
    done = launch(*SWEEP, *CHOICES, "--auto-table", tmp_path, "--out", tmp_path / "out")
    assert done.returncode == 2 and "no JSON; wanted is what a run with" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_rows_that_a_table_does_not_have_are_an_obstacle(finished, tmp_path):
    folder, _ = finished
    measured(tmp_path, "--auto-table", folder / "auto_table.json", "--dtype", "f32", "--tokens", "4")
    rows = [row for row in rows_of(tmp_path) if row["combine"] == AUTO]
    assert {row["obstacle"] for row in rows} == {"the table of strategies has no rows for f32, eager"}


def test_what_cannot_run_is_not_measured(tmp_path):
    measured(tmp_path, "--graph", "both", "--tokens", "4", "--load", "hot")
    table = json.loads((tmp_path / "auto_table.json").read_text())
    assert [row["graph"] for row in table["rows"]] == ["off"], "cores have no graphs"
    obstacles = {row["graph"]: row["obstacle"] for row in rows_of(tmp_path) if row["combine"] == AUTO}
    assert obstacles["off"] == "" and "graph" in obstacles["on"]


def test_a_dry_run_measures_no_table(tmp_path):
    done = launch(*SWEEP, *CHOICES, "--dry-run", "--out", tmp_path / "out")
    assert done.returncode == 0 and "4 of 4 cases can run, with 3 strategies each" in done.stdout
    assert not (tmp_path / "out").exists()


def test_all_may_stand_beside_names(tmp_path):
    done = launch(*SWEEP, "--combine", f"{AUTO},all,reduce_scatterv_native", "--dry-run")
    plain = launch(*SWEEP, "--dry-run")
    strategies = [int(run.stdout.split("cases can run, with ")[1].split()[0]) for run in (done, plain)]
    assert strategies[0] == strategies[1] + 1

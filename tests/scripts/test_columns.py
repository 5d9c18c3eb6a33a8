"""The columns that scripts/moe_results.py reads, against those that the program writes: the table of
results/README.md, which a test of the program holds to its list."""

import csv

import moe_results
import pytest
from check_schema import README, documented_columns
from synthetic import HEADER, NATIVE, timed, write_rows

COLUMNS = documented_columns(README)


def kinds_of(names):
    return {COLUMNS[name].kind for name in names}


def test_rows_that_agree_in_the_columns_of_the_cell_are_launches_of_one():
    of_cell = {name for name, column in COLUMNS.items() if column.of_cell}
    assert set(moe_results.CELL) - {moe_results.AGAINST} == of_cell


def test_what_is_read_is_written_and_of_its_kind():
    assert kinds_of(moe_results.NUMBERS) <= {"number", "count"}
    assert kinds_of(moe_results.FLAGS) == {"flag"}
    assert {*moe_results.LABELS, *moe_results.BEFORE, *moe_results.NEWER} <= COLUMNS.keys()


def test_claims_and_reasons_are_those_of_the_program():
    assert all(claim in COLUMNS["claim"].meaning for claim in moe_results.CLAIMS)
    assert COLUMNS["no_verdict"].meaning.endswith(": " + ", ".join(moe_results.NO_VERDICT))


REASONS = [
    ({}, ""),
    ({"planted_pct": "0.5"}, "planted"),
    ({"claim": "functional", "timed_by": "host", "disturbed_pct": "5.5"}, "functional;disturbed"),
    ({"claim": "shared_machine", "timed_by": "device", "disturbed_pct": "50"}, "shared_machine"),
    ({"timed_by": "host", "disturbed_pct": "5"}, ""),
]


@pytest.mark.parametrize(("cells", "reasons"), REASONS)
def test_rows_from_before_the_column_say_by_others_why_there_is_no_verdict(
        cells, reasons, tmp_path):
    row = timed(NATIVE, 100) | cells
    older = [name for name in HEADER if name != "no_verdict"]
    with open(tmp_path / "older.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, older, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerow(row)
    assert moe_results.read_results([tmp_path / "older.csv"])[0]["no_verdict"] == reasons
    write_rows(tmp_path, [row | {"no_verdict": "disturbed"}])
    assert moe_results.read_results([tmp_path])[0]["no_verdict"] == "disturbed"


@pytest.mark.parametrize(("disturbed", "joined"), [(2, ""), (3, "disturbed")])
def test_launches_have_no_verdict_for_a_reason_of_most(disturbed, joined, tmp_path):
    write_rows(tmp_path, [
        timed(NATIVE, 100, launch, no_verdict="disturbed" if launch <= disturbed else "")
        for launch in range(1, 5)])
    [cell] = moe_results.join_launches(moe_results.read_results([tmp_path]))
    assert (cell["launch_count"], cell["no_verdict"]) == (4, joined)

"""The check of a table against the documented columns (.ci/check_schema.py)."""

import csv
import subprocess
import sys

import check_schema
import pytest
from program import ROOT, rows_of

BROKEN_CELLS = [
    ({"pct_of_limit": "1"}, "pct_of_limit is '1', not"),
    ({"limit_us": "", "pct_of_limit": ""}, "limit_us is ''"),
    ({"flags": "above_limit"}, "flags are 'above_limit'"),
    ({"flags": "odd"}, "no flag is named 'odd'"),
    ({"no_verdict": "odd"}, "no_verdict is 'odd', not"),
    ({"hidden": "1.5"}, "hidden: '1.5' is no count"),
    ({"rms_error": "low"}, "rms_error: 'low' is no number"),
    ({"shared_gate": "TRUE"}, "shared_gate: 'TRUE' is no flag"),
    ({"contract_limit_us": "1e-3"}, "2 contract limits"),
    ({"experts_kernel": ""}, "no experts_kernel"),
    ({"input": "weighted_rows"}, "input is 'weighted_rows'"),
    ({"form": "all_gather"}, "no form is named 'all_gather'"),
    ({"combine_us_median": ""}, "pct_of_limit is"),
    ({"beside": "attention"}, "nothing is named 'attention'"),
    ({"beside": "gemm"}, "gemm_us_median is '' where 'gemm' ran beside"),
    ({"rows_padded_pct": "50"}, "rows_padded_pct is '50', not"),
]


@pytest.mark.parametrize(("cells", "said"), BROKEN_CELLS, ids=str)
def test_the_schema_check_sees_cells_that_make_no_sense(cells, said, finished, tmp_path, capsys):
    """In this process: to start another for each takes longer than all of them."""
    folder, _ = finished
    rows = rows_of(folder)
    # On a loaded machine most are flagged as disturbed.
    at = next(i for i, row in enumerate(rows)
              if row["tokens"] == "7" and row["combine_us_median"] and "above" not in row["flags"])
    rows[at].update(cells)
    with open(tmp_path / "results.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    assert check_schema.main([str(tmp_path / "results.csv")]) == 1
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if said in line], printed


def test_rows_meet_the_documented_schema(finished):
    expect_schema(finished[0])


def expect_schema(folder):
    check = subprocess.run([sys.executable, ROOT / ".ci/check_schema.py", folder / "results.csv"],
                           capture_output=True, text=True, timeout=60)
    assert check.returncode == 0, check.stdout + check.stderr

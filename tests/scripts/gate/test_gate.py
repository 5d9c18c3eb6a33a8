"""The gate from the command line: what passes, fails, and cannot be judged."""

import check_regression
import pytest
from arms import NO_TIME, changed
from synthetic import NATIVE, SLICE


def test_same_times_pass(gate):
    status, output = gate()
    assert status == 0
    assert "Regression gate: passed\n" in output and "3 cells, 3 ok." in output
    assert "Warning" not in output


def test_a_slower_strategy_fails_and_is_named(gate):
    status, output = gate(factors={NATIVE: 1.3})
    assert status == 1
    assert f"## Regression gate: failed, slower: {NATIVE}\n" in output
    assert "1 regression, 2 ok" in output
    [line] = [line for line in output.splitlines() if line.startswith("| regression")]
    assert NATIVE in line and SLICE not in line and "+30" in line and "| 0.0017 | 7, 7 |" in line


def test_a_faster_strategy_is_reported_and_passes(gate):
    status, output = gate(factors={SLICE: 0.8})
    assert status == 0 and "1 improvement, 2 ok" in output and "| improvement |" in output


def test_below_the_threshold_is_ok_however_significant(gate):
    status, output = gate(factors={NATIVE: 1.04})
    assert status == 0 and "3 ok" in output
    assert check_regression.main(["old", "new", "--threshold", "2"]) == 1


def test_too_few_launches_are_inconclusive_and_say_so(gate):
    status, output = gate(launches=3, old={"launches": 3}, factors={NATIVE: 1.5})
    assert status == 0 and "passed, with inconclusive cells" in output
    assert "| inconclusive |" in output
    assert "cells with 3 launches: a gate needs 7 of each arm" in output
    assert "smallest p of so few launches is 0.1, Holm over 3 tests asks for 0.017" in output
    assert "5 launches of each arm can give it" in output


def test_five_launches_warn_but_can_judge(gate):
    status, output = gate(launches=5, old={"launches": 5}, factors={NATIVE: 1.5})
    assert status == 1
    assert "cells with 5 launches" in output and "nothing can be significant" not in output


def test_strict_refuses_what_could_show_nothing(gate, capsys):
    few = {"launches": 3, "old": {"launches": 3}}
    assert gate("--strict", factors={NATIVE: 1.4}, **few)[0] == 2
    assert check_regression.main(["old", "new"]) == 0
    capsys.readouterr()
    assert check_regression.main(["old", "new", "--strict"]) == 2
    said = capsys.readouterr()
    assert "| inconclusive |" in said.out, "the report is there all the same"
    assert said.err.startswith("check_regression.py: no verdict (--strict): nothing can be signif")
    assert said.err.count("\n") == 1


def test_strict_changes_no_verdict(gate):
    assert gate("--strict")[0] == 0
    assert check_regression.main(["old", "new", "--strict", "--threshold", "0"]) == 0


def test_strict_finds_a_regression_and_what_is_missing(gate):
    assert gate("--strict", factors={NATIVE: 1.3})[0] == 1


def test_strict_refuses_another_machine(gate):
    assert gate("--strict", machine={"kernel": "BSD"})[0] == 2


@pytest.mark.parametrize("change, reason", [
    (lambda row: row if row["combine"] != NATIVE else None, "missing: not in NEW"),
    (changed(NATIVE, obstacle="needs \n 4 | ranks", **NO_TIME),
     "missing: needs 4 \\| ranks, 7 of 7 launches"),
    (changed(NATIVE, verified="false", **NO_TIME),
     "missing: wrong result (verified=false), 7 of 7 launches"),
    (changed(NATIVE, [4], verified="false", **NO_TIME),
     "missing: wrong result (verified=false), 1 of 7 launches"),
    (changed(NATIVE, seed=2), "missing: not in NEW"),
])
def test_a_cell_without_a_time_fails_with_its_reason(gate, change, reason):
    status, output = gate(change=change)
    assert status == 1
    assert f"| {reason} |" in output
    assert f"failed, missing: {NATIVE}\n" in output and "1 missing, 2 ok" in output


def test_what_baseline_could_not_do_is_not_asked_of_new(gate):
    status, output = gate(old={"change": changed(NATIVE, obstacle="no", **NO_TIME)})
    assert status == 0 and "2 cells, 2 ok." in output
    assert f"### Only in NEW, not compared\n\n* load balanced, tokens 64: {NATIVE}" in output


def test_other_regions(gate):
    status, output = gate("--metric", "combine,output", change=lambda row: row | {
        "combine_us_median": row["combine_us_median"] * (1.5 if row["combine"] == SLICE else 1)})
    assert status == 1 and "6 cells, 1 regression, 5 ok" in output
    assert f"| {SLICE} | combine |" in output


def test_a_region_that_a_strategy_does_not_have_is_no_cell(gate):
    fused = changed(NATIVE, combine_us_median="")
    status, output = gate("--metric", "combine", change=fused, old={"change": fused})
    assert status == 0 and "2 cells, 2 ok" in output


def test_a_region_that_new_lost_is_missing(gate):
    status, output = gate("--metric", "combine", change=changed(NATIVE, combine_us_median=""))
    assert status == 1 and "missing: no combine time in the row, 7 of 7 launches" in output


def test_a_set_is_no_regression_of_itself(gate, capsys):
    gate()
    assert check_regression.main(["old", "old"]) == 0
    assert "3 cells, 3 ok." in capsys.readouterr().out

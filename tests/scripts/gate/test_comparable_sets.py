"""Which sets and cells the gate compares: disturbed, shared and other machines, modes of graphs."""

from pathlib import Path

import check_regression
import pytest
from arms import NO_TIME, changed, write_arm
from synthetic import BASELINE, CHAINED, NATIVE, ONE_BY_ONE, SLICE


def shared(row):
    shares = {"claim": "shared_machine", "no_verdict": "shared_machine"}
    return row | shares if row["launch"] == 4 else row


@pytest.mark.parametrize("arm", ["old", "new"])
def test_a_launch_on_a_shared_machine_leaves_no_verdict(gate, arm):
    changes = {"old": {"old": {"change": shared}}, "new": {"change": shared}}[arm]
    status, output = gate(factors={NATIVE: 1.5}, **changes)
    assert status == 0 and "3 cells, 3 inconclusive." in output
    assert "no verdict, no cell could be tested" in output
    assert output.count("| inconclusive: other programs were on the device |") == 3
    assert "**Warning:** 3 of 3 cells are inconclusive: other programs were on the device" in output
    assert check_regression.main(["old", "new", "--strict"]) == 2


def test_cells_disturbed_in_most_launches_are_inconclusive(gate):
    disturbed = changed(NATIVE, range(1, 5), disturbed_pct=12, no_verdict="disturbed")
    status, output = gate(change=disturbed, factors={NATIVE: 1.5, SLICE: 1.5})
    assert status == 1 and "1 regression, 1 inconclusive, 1 ok" in output
    assert f"failed, slower: {SLICE}\n" in output
    assert "| inconclusive: disturbed for 12 % of the time |" in output
    assert "1 of 3 cells are inconclusive: their ranks waited for a processor" in output


@pytest.mark.parametrize("cells", [
    {"launches": range(1, 4), "disturbed_pct": 50, "no_verdict": "disturbed"},
    {"launches": range(1, 8), "disturbed_pct": 5},
    {"launches": range(1, 8), "disturbed_pct": 50, "timed_by": "device"},
], ids=["few launches", "a little", "timed by the device"])
def test_launches_that_are_not_disturbed_in_most_are_judged(gate, cells):
    status, output = gate(change=changed(NATIVE, **cells), factors={NATIVE: 1.5})
    assert status == 1 and "inconclusive" not in output


def test_a_disturbed_launch_with_a_wrong_result_is_still_missing(gate):
    wrong = changed(NATIVE, disturbed_pct=50, no_verdict="disturbed", verified="false", **NO_TIME)
    status, output = gate(change=wrong)
    assert status == 1 and "1 missing" in output


def test_rows_of_two_claims_are_not_compared(gate):
    status, output = gate(change=changed(NATIVE, claim="functional"))
    assert status == 1
    assert "| missing: claim memory in BASELINE, functional in NEW, never compared |" in output


def graphs(mode):
    return {"change": lambda row: row | mode}


@pytest.mark.parametrize("before, after, there", [
    (ONE_BY_ONE, CHAINED, "chained"), (CHAINED, ONE_BY_ONE, "isolated")])
def test_graphs_one_by_one_and_chained_are_not_compared(gate, before, after, there):
    """Of one case_id; what is slower by half and faster by half is neither."""
    status, output = gate(old=graphs(before), factors={NATIVE: 1.5, SLICE: 0.5}, **graphs(after))
    assert status == 1 and "3 cells, 3 missing." in output
    assert f"failed, missing: {BASELINE}, {SLICE}, {NATIVE}\n" in output
    assert output.count(f"| missing: in NEW in mode {there} only, which is another time |") == 3
    assert output.count(f"* mode {there}, load balanced, tokens 64: ") == 3
    assert "regression |" not in output and "improvement" not in output


def test_chained_graphs_are_compared_with_chained_ones(gate):
    """Where both sets have both."""
    both = {"change": lambda row: row | (CHAINED if row["launch"] > 3 else ONE_BY_ONE),
            "launches": 10}
    status, output = gate(old=both, factors={NATIVE: 1.3}, **both)
    assert status == 1 and "6 cells" in output
    [line] = [line for line in output.splitlines() if line.startswith("| regression")]
    assert "mode chained" in line and NATIVE in line and "| 7, 7 |" in line


def test_graphs_of_other_modes_on_another_machine_have_nothing_in_common(gate, capsys):
    write_arm(Path("a"), **graphs(ONE_BY_ONE))
    write_arm(Path("b"), machine={"kernel": "BSD"}, **graphs(CHAINED))
    assert check_regression.main(["a", "b"]) == 2
    assert "and no cell in common" in capsys.readouterr().err


def test_launches_one_after_the_other_are_warned_of(gate):
    status, output = gate(later=100)
    assert status == 0
    assert "launches were not alternated (7 of NEW in a row)" in output


def test_other_bindings_are_warned_of(gate):
    _, output = gate(machine={"environment": {"OMPI_MCA_hwloc_base_binding_policy": "none"}})
    assert "environment differs: OMPI_MCA_hwloc_base_binding_policy" in output


def test_planted_rows_are_said_to_be(gate):
    _, output = gate(change=changed(NATIVE, planted_pct=30, no_verdict="planted"))
    assert f"NEW has rows slowed down on purpose ({NATIVE} by 30 %)" in output


def test_another_machine_gives_ratios_and_no_verdict(gate):
    status, output = gate(
        machine={"kernel": "Linux 6.9", "cores_on_host": 64}, factors={NATIVE: 2},
        change=lambda row: row | {"device": "Xeon", "claim": "interconnect"})
    assert status == 0
    assert "another machine, a report and no verdict" in output
    assert "* kernel: Linux 6.1 in BASELINE, Linux 6.9 in NEW" in output
    assert "* cores_on_host: 2 in BASELINE, 64 in NEW" in output and "device" not in output
    [line] = [line for line in output.splitlines() if NATIVE in line]
    baseline, new, ratio = line.split(" | ")[3:6]
    assert float(new) / float(baseline) == pytest.approx(float(ratio), abs=2e-3)
    assert float(ratio) == pytest.approx(0.5, rel=0.01)


def test_without_provenance_rows_tell_the_machine(gate, capsys):
    gate(factors={NATIVE: 1.3})
    for arm in ("old", "new"):
        Path(arm, "results.json").unlink()
    assert check_regression.main(["old/results.csv", "new/results.csv"]) == 1
    output = capsys.readouterr().out
    assert "BASELINE has no provenance" in output and "NEW has no provenance" in output

"""Tests of scripts/check_regression.py: its statistics, its verdicts, and what it writes."""

import math
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import PermutationMethod, mannwhitneyu

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(Path(__file__).resolve().parent)]

import check_regression  # noqa: E402
from moe_results import read_results  # noqa: E402
from regression.cells import compare_times  # noqa: E402
from regression.verdicts import MOST_COUNTED, Gate, holm, judge  # noqa: E402
from regression.verdicts import _counted_test as counted_test  # noqa: E402
from regression.verdicts import launches_needed, rank_test  # noqa: E402
from regression.verdicts import smallest_p, verdicts  # noqa: E402
from synthetic import (  # noqa: E402
    BASELINE, CHAINED, MACHINE, NATIVE, ONE_BY_ONE, SLICE, US, started, timed, write_rows, write_runs,
)

PROPERTY = settings(derandomize=True, database=None, deadline=None, max_examples=60)
GOLDEN = ROOT / "tests/golden"
WOBBLE = (0.0, 0.004, -0.006, 0.002, -0.003, 0.007, -0.001, 0.005, -0.004)


def write_arm(folder: Path, change=lambda row: row, factors=None, launches=7, arm="a", machine={},
              second=0, later=0):
    """Launches of three strategies; change may alter a row, or leave it out by None. Two arms of
    which one is the second make an alternated series, unless one of them is later as a whole."""
    folder.mkdir()
    rows, runs = [], {}
    for launch in range(1, launches + 1):
        for name, us in US.items():
            wobble = WOBBLE[(launch + len(name) + second) % len(WOBBLE)] + 1e-4 * launch
            row = timed(name, us * (factors or {}).get(name, 1) * (1 + wobble), launch, arm)
            rows.append(change(row))
        position = later + 2 * launch + (second if launch % 2 else 1 - second)
        runs[f"{arm}{launch}"] = MACHINE | {"started": started(position)} | machine
    write_rows(folder, [row for row in rows if row])
    write_runs(folder, runs)
    return folder


@pytest.fixture
def gate(tmp_path: Path, capsys, monkeypatch):
    """Runs the gate on a NEW arm made with the given arguments; (status, output)."""
    monkeypatch.chdir(tmp_path)

    def run(*options: str, old=None, **new):
        write_arm(Path("old"), **{"arm": "a", **(old or {})})
        write_arm(Path("new"), **{"arm": "b", "second": 1, **new})
        status = check_regression.main(["old", "new", *options])
        return status, capsys.readouterr().out

    return run


# The statistics.


def test_rank_test_by_hand():
    # Of the C(6, 3) = 20 ways to deal six values one has all of the largest in one arm.
    assert rank_test([1, 2, 3], [4, 5, 6]) == pytest.approx(2 / 20)
    assert rank_test([1, 2, 4], [3, 5, 6]) == pytest.approx(4 / 20)
    assert rank_test([1, 3, 5], [2, 4, 6]) == pytest.approx(14 / 20)  # U = 3: 7 of 20 below.
    # Ties: 1 1 | 1 2: twice the 2 falls into one of the arms, in half of the ways each.
    assert rank_test([1, 1], [1, 2]) == pytest.approx(1)
    # 1 1 1 | 2 2 2 again is the most extreme of 20, however its values are tied.
    assert rank_test([1, 1, 1], [2, 2, 2]) == pytest.approx(2 / 20)
    assert rank_test([5, 5, 5], [5, 5, 5]) == 1


def test_seven_against_seven_can_be_significant_in_85_cells():
    assert smallest_p(7, 7) == pytest.approx(2 / 3432)
    assert smallest_p(7, 7) == pytest.approx(float(rank_test(range(7), range(7, 14))))
    assert launches_needed(85, 0.05) == 7
    assert launches_needed(86, 0.05) == 8
    assert launches_needed(1, 0.05) == 4


@PROPERTY
@given(st.lists(st.integers(0, 6), min_size=2, max_size=6),
       st.lists(st.integers(0, 6), min_size=2, max_size=6))
def test_rank_test_is_the_permutation_test(x: list[int], y: list[int]):
    every = PermutationMethod(n_resamples=math.comb(len(x) + len(y), len(x)))
    assert rank_test(x, y) == pytest.approx(mannwhitneyu(x, y, method=every).pvalue)


@PROPERTY
@given(st.permutations(range(11)), st.integers(1, 10))
def test_rank_test_without_ties_is_that_of_scipy(values: list[int], size: int):
    x, y = values[:size], values[size:]
    assert rank_test(x, y) == pytest.approx(mannwhitneyu(x, y, method="exact").pvalue)


def test_rank_test_of_many_cells_at_once():
    times = np.random.default_rng(3).integers(0, 40, (5, 4, 14))
    together = rank_test(times[..., :7], times[..., 7:])
    for i, j in np.ndindex(5, 4):
        assert together[i, j] == rank_test(times[i, j, :7], times[i, j, 7:])


def test_holm_by_hand():
    # Of three: 0.01 * 3, 0.02 * 2, 0.04 * 1; then none is below one that was more significant.
    assert holm([0.02, 0.01, 0.04]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.03, 0.02, 0.9]) == pytest.approx([0.06, 0.06, 0.9])
    assert holm([0.6, 0.7]) == pytest.approx([1, 1])
    assert holm([[0.02, 0.01], [0.5, 0.01]]) == pytest.approx(np.array([[0.02, 0.02], [0.5, 0.02]]))


@PROPERTY
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_the_p_value_and_bonferroni(p: list[float]):
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(np.array(p) * len(p), 1)).all()
    assert adjusted[np.argmin(p)] == pytest.approx(min(1, min(p) * len(p)))


def test_verdicts_need_both_effect_and_significance():
    gate = Gate(0.05, 0.05)
    cases = [(1.06, 0.01, "regression"), (1.06, 0.2, "inconclusive"), (1.04, 0.001, "ok"),
             (0.94, 0.01, "improvement"), (0.94, 0.2, "inconclusive"), (0.96, 0.001, "ok"),
             (1.05, 0.01, "ok"), (1.06, 0.05, "regression")]
    for ratio, p, expected in cases:
        assert verdicts(ratio, p, gate) == expected


def cells_of(old, new) -> pd.DataFrame:
    """Cells of the given launches: arrays of cells x launches."""
    return pd.DataFrame({"baseline": list(map(tuple, old)), "new": list(map(tuple, new)),
                         "reason": "", "doubt": ""})


def test_false_alarms_are_held_to_alpha():
    """Launches that differ by up to half, in ten cells that all move together: no assumption
    about either. The share of trials with any alarm may be alpha; 400 trials leave it below
    0.08 with a chance of 0.995."""
    chance = np.random.default_rng(5)
    times = 100 * chance.lognormal(0, 0.2, (400, 1, 14)) * chance.lognormal(0, 0.3, (400, 10, 14))
    old, new = times[..., :7], times[..., 7:]
    ratio = np.median(new, axis=-1) / np.median(old, axis=-1)
    judged = verdicts(ratio, holm(rank_test(old, new)), Gate(0, 0.05))
    alarms = np.isin(judged, ["regression", "improvement"]).any(axis=-1)
    assert 0 < alarms.mean() < 0.08


TIMES = st.lists(st.floats(100, 120), min_size=28, max_size=28).map(
    lambda values: np.array(values).reshape(2, 14))
ORDER = ["improvement", "ok", "inconclusive", "regression"]


@PROPERTY
@given(TIMES, st.floats(1.3, 3), st.floats(1, 2))
def test_a_larger_effect_is_never_less_of_a_regression(times, effect: float, more: float):
    """From 1.3 on, more than the launches differ by: below it the ratio may be an improvement."""
    ranks = []
    for factor in (effect, effect * more):
        judged = judge(cells_of(times[:, :7], times[:, 7:] * factor), Gate())
        ranks.append([ORDER.index(verdict) for verdict in judged["verdict"]])
    assert (np.array(ranks[1]) >= ranks[0]).all()
    assert set(ranks[0]) == {ORDER.index("regression")}


@PROPERTY
@given(TIMES, st.sampled_from([1 / 1024, 0.5, 4, 4096]))
def test_the_unit_of_time_does_not_matter(times, unit: float):
    once = judge(cells_of(times[:, :7], times[:, 7:]), Gate())
    again = judge(cells_of(unit * times[:, :7], unit * times[:, 7:]), Gate())
    assert list(once["verdict"]) == list(again["verdict"])
    assert list(once["p_holm"]) == list(again["p_holm"])


@PROPERTY
@given(TIMES, st.floats(0.7, 1.4))
def test_arms_exchanged_exchange_regression_and_improvement(times, factor: float):
    there = judge(cells_of(times[:, :7], times[:, 7:] * factor), Gate())
    back = judge(cells_of(times[:, 7:] * factor, times[:, :7]), Gate())
    other = {"regression": "improvement", "improvement": "regression"}
    assert [other.get(verdict, verdict) for verdict in there["verdict"]] == list(back["verdict"])


# What launches do to all strategies alike.

FIVE = {BASELINE: 200.0, SLICE: 180.0, NATIVE: 150.0, "reduce_scatter_padded": 160.0,
        "reduce_scatterv_grouped": 190.0}


def launches(arm: str, shared, factors=None, strategies=FIVE) -> list:
    """Seven launches, each with a factor that all of its strategies share, and 1 % of noise."""
    chance = np.random.default_rng(sum(map(ord, arm)))
    return [timed(name, us * factor * chance.uniform(0.99, 1.01) * (factors or {}).get(name, 1),
                  launch, arm)
            for launch, factor in enumerate(shared, 1) for name, us in strategies.items()]


@pytest.fixture
def judged(tmp_path: Path):
    """The cells of two arms, by strategy, with the gate's verdicts."""
    def run(old: list, new: list) -> pd.DataFrame:
        arms = []
        for rows in (old, new):
            shutil.rmtree(tmp_path / "arm", ignore_errors=True)
            write_rows(tmp_path / "arm", rows)
            arms.append(read_results([tmp_path / "arm"]))
        return judge(compare_times(*arms, ["output"]), Gate()).set_index("combine")

    return run


def up_to_twice(seed: int):
    return np.random.default_rng(seed).uniform(1, 2, (2, 7))


def test_a_slowdown_is_found_among_launches_that_differ_by_more(judged):
    """The times as they are show it in few of the trials. Where the medians do not differ by the
    threshold in spite of it, nothing is said."""
    found = slower = shown = 0
    for seed in range(20):
        old, new = up_to_twice(seed)
        cells = judged(launches("a", old), launches("b", new, {NATIVE: 1.3}))
        slow = cells.loc[NATIVE]
        found += slow["verdict"] == "regression"
        slower += slow["ratio"] > 1.05
        shown += rank_test(slow["baseline"], slow["new"]) < 0.005
        assert "regression" not in set(cells["verdict"].drop(NATIVE))
    assert found == slower > 15 and shown < 5


def test_shared_noise_alone_gives_no_more_alarms_than_it_may(judged):
    alarms = 0
    for seed in range(50):
        old, new = up_to_twice(1000 + seed)
        cells = judged(launches(f"a{seed}", old), launches(f"b{seed}", new))
        alarms += cells["verdict"].isin(["regression", "improvement"]).any()
    assert alarms < 7


def test_what_most_strategies_gain_is_no_loss_of_the_others(judged):
    gains = {name: 0.7 for name in [*FIVE][:3]}
    cells = judged(launches("a", [1] * 7), launches("b", [1] * 7, gains))
    assert list(cells["verdict"]) == ["improvement"] * 3 + ["ok"] * 2


def test_few_strategies_are_tested_once(judged):
    old, new = up_to_twice(2)
    few = {name: FIVE[name] for name in [*FIVE][:3]}
    cells = judged(launches("a", old, strategies=few), launches("b", new, strategies=few))
    assert set(cells["tests"]) == {1}
    assert list(cells["baseline"]) == list(cells["baseline_steady"])
    assert set(judged(launches("a", old), launches("b", new))["tests"]) == {2}


# Results sets from the command line on.


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


# What else ran.


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


# Many launches.


@pytest.mark.parametrize("launches", [100, 500])
def test_hundreds_of_launches_take_no_longer_than_reading_them(launches):
    """Counting ties took a second a cell at 100 launches of each arm, and hours at 500."""
    chance = np.random.default_rng(launches)
    times = np.round(chance.normal(150, 3, (24, 2, launches)), 1)
    times[0, 1] += 10
    cells = judge(cells_of(times[:, 0], times[:, 1]), Gate(0.01))
    assert list(cells["verdict"]) == ["regression"] + ["ok"] * 23


@pytest.mark.parametrize("shift, launches", [(0.5, 41), (1.0, 41), (1.5, 60)])
def test_beyond_the_launches_whose_ties_are_counted_p_is_hardly_larger(shift, launches):
    chance = np.random.default_rng(7)
    old, new = np.round(chance.normal(150, 2, (2, launches)), 1) + [[0], [shift]]
    assert len(set(old) | set(new)) < 2 * launches > MOST_COUNTED
    exact = counted_test(old, new)
    assert exact <= rank_test(old, new) < 1.05 * exact


def changed(combine: str, launches=range(1, 100), **changes):
    def change(row):
        return row | changes if row["combine"] == combine and row["launch"] in launches else row

    return change


NO_TIME = {"output_us_median": "", "combine_us_median": ""}


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


def test_a_set_is_no_regression_of_itself(gate, capsys):
    gate()
    assert check_regression.main(["old", "old"]) == 0
    assert "3 cells, 3 ok." in capsys.readouterr().out


# What it writes.


def write_golden_sets(gate) -> None:
    def change(row):
        if row["combine"] == BASELINE:
            return row | {"tokens": 256}
        if row["combine"] == SLICE:
            return row | {"obstacle": "a \x01 & <b> \"c\" | d", **NO_TIME}
        return row

    status, _ = gate("--markdown", "gate.md", "--junit", "gate.xml", factors={NATIVE: 1.3},
                     change=change)
    assert status == 1


def test_markdown(gate):
    write_golden_sets(gate)
    assert Path("gate.md").read_text() == (GOLDEN / "gate.md").read_text()


def test_junit(gate):
    write_golden_sets(gate)
    text = Path("gate.xml").read_text()
    assert text == (GOLDEN / "gate.xml").read_text()
    [suite] = ElementTree.fromstring(text)
    cases = suite.findall("testcase")
    assert int(suite.get("tests")) == len(cases) == 3
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) == 3


def test_junit_counts_what_is_skipped(gate):
    gate("--junit", "gate.xml", launches=3, old={"launches": 3}, factors={NATIVE: 1.5})
    suite = ElementTree.parse("gate.xml").find("testsuite")
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "1")
    assert suite.find("testcase/skipped").get("message").startswith("inconclusive: +49.1 %, p")


def test_junit_of_another_machine_has_no_failures(gate):
    gate("--junit", "gate.xml", machine={"kernel": "BSD"}, factors={NATIVE: 2})
    suite = ElementTree.parse("gate.xml").find("testsuite")
    assert suite.get("tests") == suite.get("skipped") == "3" and suite.get("failures") == "0"


@pytest.mark.parametrize("arguments, complaint", [
    (["old"], "required: new"),
    (["old", "nowhere"], "no such file: nowhere"),
    (["old", "new", "--threshold", "-1"], "--threshold -1 is not from 0 to 1000 percent"),
    (["old", "new", "--threshold", "x"], "'x'"),
    (["old", "new", "--alpha", "1"], "--alpha 1 is not between 0 and 1"),
    (["old", "new", "--metric", "speed"], "unknown metric 'speed', known: output, combine, layer"),
    (["old", "new", "--metric", "layer"], "BASELINE has no row with a time of layer"),
    (["old", "new", "--markdown", "no/such/file"], "cannot write no/such/file: No such file"),
    (["old", "new", "--junit", "no/such/file"], "cannot write no/such/file: No such file"),
    (["old", "broken"], "broken/results.json is no provenance file"),
    (["old", "listed"], "listed/results.json: environment is not a value for each variable"),
    (["old", "elsewhere"], "and no cell in common"),
    (["empty", "new"], "BASELINE has no row with a time of output"),
])
def test_unusable_input_is_one_line_and_status_2(gate, capsys, arguments, complaint):
    gate()
    write_arm(Path("broken"))
    Path("broken/results.json").write_text("[]")
    write_arm(Path("listed"), machine={"environment": ["A=1"]})
    write_arm(Path("elsewhere"), machine={"kernel": "BSD"}, change=lambda r: r | {"tokens": 1})
    write_arm(Path("empty"), change=lambda row: row | {"obstacle": "no", **NO_TIME})
    assert check_regression.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert captured.err.startswith("check_regression.py: ") and complaint in captured.err


def test_without_packages_it_is_no_regression(tmp_path: Path):
    """A copy of the scripts that has no .venv beside it, on an interpreter with no packages."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    script = tmp_path / "scripts/check_regression.py"
    done = subprocess.run([sys.executable, "-S", "-I", "-c",
                           f"import sys; sys.path.insert(0, {str(script.parent)!r});"
                           f"sys.argv = [{str(script)!r}]; import packages"],
                          capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == ("check_regression.py: Python packages missing: pandas, scipy,"
                           " matplotlib; scripts/setup.sh installs them\n")

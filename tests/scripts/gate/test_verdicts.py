"""Verdicts on cells: effect and significance, and noise that all strategies of a launch share."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from arms import cells_of
from hypothesis import given
from hypothesis import strategies as st
from moe_results import read_results
from properties import PROPERTY
from regression.cells import compare_times
from regression.verdicts import Gate, holm, judge, rank_test, verdicts
from synthetic import BASELINE, NATIVE, SLICE, timed, write_rows


def test_verdicts_need_both_effect_and_significance():
    gate = Gate(0.05, 0.05)
    cases = [(1.06, 0.01, "regression"), (1.06, 0.2, "inconclusive"), (1.04, 0.001, "ok"),
             (0.94, 0.01, "improvement"), (0.94, 0.2, "inconclusive"), (0.96, 0.001, "ok"),
             (1.05, 0.01, "ok"), (1.06, 0.05, "regression")]
    for ratio, p, expected in cases:
        assert verdicts(ratio, p, gate) == expected


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

"""The statistics of the gate: the rank test and Holm's adjustment."""

import math

import numpy as np
import pytest
from arms import cells_of
from hypothesis import given
from hypothesis import strategies as st
from properties import PROPERTY
from regression.verdicts import (
    MOST_COUNTED, Gate, holm, judge, launches_needed, rank_test, smallest_p)
from regression.verdicts import _counted_test as counted_test
from scipy.stats import PermutationMethod, mannwhitneyu


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

"""From the launches of two arms to a verdict: exact rank test, Holm, and an effect threshold.

Everything works along the last axis, so that simulations run the very code that judges.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import mannwhitneyu, rankdata

from moe_results import ResultsError

OK, REGRESSION, IMPROVEMENT = "ok", "regression", "improvement"
INCONCLUSIVE, MISSING = "inconclusive", "missing"
VERDICTS = (REGRESSION, MISSING, INCONCLUSIVE, IMPROVEMENT, OK)
FAILING = (REGRESSION, MISSING)


@dataclass(frozen=True)
class Gate:
    threshold: float = 0.05  # Share by which a median has to differ to matter.
    alpha: float = 0.05  # Of one false alarm in any of the cells tested.

    @staticmethod
    def of_percent(threshold: float, alpha: float) -> "Gate":
        if not 0 <= threshold < 1000:
            raise ResultsError(f"--threshold {threshold:g} is not from 0 to 1000 percent")
        if not 0 < alpha < 1:
            raise ResultsError(f"--alpha {alpha:g} is not between 0 and 1")
        return Gate(threshold / 100, alpha)


# Launches of both arms together up to which ties are counted, and up to which the distribution of U
# without ties is: the time for either grows with the fourth power of the launches.
MOST_COUNTED, MOST_EXACT = 80, 300


def rank_test(baseline: ArrayLike, new: ArrayLike) -> NDArray:
    """Two-sided p-values of the Mann-Whitney test: exact, with ties up to MOST_COUNTED launches and
    without up to MOST_EXACT. Beyond, p is larger than that: by up to 5 % where ties are taken for
    none (times of four digits), by some 10 % at 1e-4 from the normal approximation."""
    x, y = np.asarray(baseline, float), np.asarray(new, float)
    ordered = np.sort(np.concatenate([x, y], axis=-1), axis=-1)
    launches = ordered.shape[-1]
    method = "exact" if launches <= MOST_EXACT else "asymptotic"
    p = np.array(mannwhitneyu(x, y, axis=-1, method=method).pvalue)
    if launches <= MOST_COUNTED:
        tied = (np.diff(ordered, axis=-1) == 0).any(axis=-1)
        for at in filter(lambda at: tied[at], np.ndindex(tied.shape)):
            p[at] = _counted_test(x[at], y[at])
    return p


def _counted_test(x: NDArray, y: NDArray) -> float:
    """The permutation test on midranks: scipy's exact method takes no account of ties, and its
    PermutationMethod goes through all ways to deal. They are counted here, by the number of
    launches dealt to x and the sum of their ranks."""
    ranks = np.rint(2 * rankdata(np.concatenate([x, y]))).astype(int)  # Twice: midranks are halves.
    ways = np.zeros((len(x) + 1, ranks.sum() + 1))
    ways[0, 0] = 1
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, :-rank]
    share = ways[len(x)] / ways[len(x)].sum()
    seen = ranks[: len(x)].sum()
    return min(1.0, 2 * min(share[: seen + 1].sum(), share[seen:].sum()))


def holm(p: ArrayLike) -> NDArray:
    """Adjusted p-values of Holm's step-down procedure: valid however the cells depend on each
    other, and those of one launch do."""
    p = np.asarray(p, float)
    order = np.argsort(p, axis=-1)
    left = np.arange(p.shape[-1], 0, -1)
    stepped = np.maximum.accumulate(np.take_along_axis(p, order, axis=-1) * left, axis=-1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(stepped, 1), axis=-1)
    return adjusted


def verdicts(ratio: ArrayLike, p_holm: ArrayLike, gate: Gate) -> NDArray:
    """The threshold is symmetric: 1.05 times as slow counts as much as 1.05 times as fast."""
    ratio, significant = np.asarray(ratio), np.asarray(p_holm) <= gate.alpha
    slower, faster = ratio > 1 + gate.threshold, ratio < 1 / (1 + gate.threshold)
    return np.select(
        [slower & significant, faster & significant, slower | faster],
        [REGRESSION, IMPROVEMENT, INCONCLUSIVE],
        OK,
    )


def decide(
    ratio: ArrayLike, p_holm: ArrayLike, steady_ratio: ArrayLike, steady_p_holm: ArrayLike,
    gate: Gate,
) -> NDArray:
    """Whether a cell is slower times without shared noise may settle, where those as they are
    leave it open: if both are slower by the threshold. Not whether it is faster: where most
    strategies of a case became slower, the others look faster than they are. NaN where there are
    none."""
    plain, steady = verdicts(ratio, p_holm, gate), verdicts(steady_ratio, steady_p_holm, gate)
    settled = (plain == INCONCLUSIVE) & (np.asarray(ratio) > 1) & (steady == REGRESSION)
    return np.where(settled, REGRESSION, plain)


def judge(cells: pd.DataFrame, gate: Gate) -> pd.DataFrame:
    """Adds baseline_us, new_us, ratio, p, p_holm, tests and verdict to cells as compare() or
    compare_times() makes them. A cell whose steady times are others is tested twice; p is of the
    test that decided. Two kinds of cells are not tested: one with a reason is missing, one with a
    doubt, which says whose fault a difference might be, inconclusive."""
    judged = cells.assign(
        baseline_us=_medians(cells["baseline"]),
        new_us=_medians(cells["new"]),
        p=math.nan,
        p_holm=math.nan,
        tests=0,
        verdict=np.where(cells["reason"] == "", INCONCLUSIVE, MISSING),
    )
    judged["ratio"] = judged["new_us"] / judged["baseline_us"]
    tested = judged[is_tested(judged)]
    if tested.empty:
        return judged
    p = pd.DataFrame({"plain": _p_values(tested["baseline"], tested["new"]), "steady": math.nan})
    steady_ratio = pd.Series(math.nan, index=tested.index)
    if "new_steady" in tested:
        steady = tested[tested["new_steady"] != tested["new"]]
        p["steady"] = _p_values(steady["baseline_steady"], steady["new_steady"])
        steady_ratio = _medians(tested["new_steady"]) / _medians(tested["baseline_steady"])
    taken = p.stack().dropna()
    adjusted = pd.Series(holm(taken), taken.index).unstack().reindex(columns=p.columns)
    plain = tested["ratio"], adjusted["plain"]
    verdict = decide(*plain, steady_ratio, adjusted["steady"], gate)
    decided = np.where(verdict == verdicts(*plain, gate), "plain", "steady")
    for name, values in (("p", p), ("p_holm", adjusted)):
        judged.loc[tested.index, name] = [values.at[at, how] for at, how in zip(p.index, decided)]
    judged.loc[tested.index, "tests"] = p.count(axis=1)
    judged.loc[tested.index, "verdict"] = verdict
    return judged


def is_tested(cells: pd.DataFrame) -> pd.Series:
    return (cells["reason"] == "") & (cells["doubt"] == "")


def _medians(launches: pd.Series) -> pd.Series:
    return launches.map(lambda times: np.median(times) if times else math.nan).astype(float)


def _p_values(baseline: pd.Series, new: pd.Series) -> pd.Series:
    """Cells with as many launches together: a test by itself takes a millisecond."""
    p = pd.Series(math.nan, index=baseline.index)
    for _, alike in baseline.groupby([baseline.map(len), new.map(len)]):
        p[alike.index] = rank_test(alike.tolist(), new[alike.index].tolist())
    return p


def smallest_p(baseline: int, new: int) -> float:
    """The least that the test can give for so many launches: one arm entirely above the other."""
    return min(1.0, 2 / math.comb(baseline + new, new))


def launches_needed(tests: int, alpha: float) -> int:
    """Launches of each arm from which one cell among so many tested can be significant."""
    launches = 1
    while smallest_p(launches, launches) * tests > alpha:
        launches += 1
    return launches

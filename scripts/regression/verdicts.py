"""From the launches of two arms to a verdict: exact rank test, Holm, and an effect threshold.

Everything works along the last axis, so that simulations run the very code that judges.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import PermutationMethod, mannwhitneyu

OK, REGRESSION, IMPROVEMENT = "ok", "regression", "improvement"
INCONCLUSIVE, MISSING = "inconclusive", "missing"
VERDICTS = (REGRESSION, MISSING, INCONCLUSIVE, IMPROVEMENT, OK)
FAILING = (REGRESSION, MISSING)

# Ways to deal launches into two arms up to which tied values are permuted exhaustively: 10
# against 10. Beyond it random permutations are drawn, and the p-value is never too small.
MOST_PERMUTATIONS = math.comb(20, 10)


@dataclass(frozen=True)
class Gate:
    threshold: float = 0.05  # Share by which a median has to differ to matter.
    alpha: float = 0.05  # Of one false alarm in any of the cells tested.


def rank_test(baseline: ArrayLike, new: ArrayLike) -> NDArray:
    """Two-sided p-values of the Mann-Whitney test, exact with and without ties."""
    x, y = np.asarray(baseline, float), np.asarray(new, float)
    p = np.asarray(mannwhitneyu(x, y, axis=-1, method="exact").pvalue)
    ordered = np.sort(np.concatenate([x, y], axis=-1), axis=-1)
    tied = (np.diff(ordered, axis=-1) == 0).any(axis=-1)
    return np.where(tied, _tied_test(x, y, tied), p)


def _tied_test(x: NDArray, y: NDArray, tied: NDArray) -> NDArray:
    p = np.ones(tied.shape)
    for at in filter(lambda at: tied[at], np.ndindex(tied.shape)):
        method = PermutationMethod(
            n_resamples=MOST_PERMUTATIONS, batch=2000, rng=np.random.default_rng(1)
        )
        p[at] = mannwhitneyu(x[at], y[at], method=method).pvalue
    return p


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


def judge(cells: pd.DataFrame, gate: Gate) -> pd.DataFrame:
    """Adds baseline_us, new_us, ratio, p, p_holm and verdict to cells as compare() makes them.
    A cell with a reason cannot be tested: its verdict is missing."""
    judged = cells.assign(
        baseline_us=[np.median(times) for times in cells["baseline"]],
        new_us=[np.median(times) if times else math.nan for times in cells["new"]],
        p=math.nan,
        p_holm=math.nan,
        verdict=MISSING,
    )
    judged["ratio"] = judged["new_us"] / judged["baseline_us"]
    tested = judged.index[judged["reason"] == ""]
    if tested.empty:
        return judged
    pairs = judged.loc[tested, ["baseline", "new"]].itertuples(index=False)
    p = np.array([float(rank_test(pair.baseline, pair.new)) for pair in pairs])
    judged.loc[tested, "p"] = p
    judged.loc[tested, "p_holm"] = holm(p)
    ratios = judged.loc[tested, "ratio"]
    judged.loc[tested, "verdict"] = verdicts(ratios, judged.loc[tested, "p_holm"], gate)
    return judged


def smallest_p(baseline: int, new: int) -> float:
    """The least that the test can give for so many launches: one arm entirely above the other."""
    return min(1.0, 2 / math.comb(baseline + new, new))


def launches_needed(tests: int, alpha: float) -> int:
    """Launches of each arm from which one cell among so many tested can be significant."""
    launches = 1
    while smallest_p(launches, launches) * tests > alpha:
        launches += 1
    return launches

"""Error rates of the gate, with exact bounds, and the smallest effect that it finds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

from regression.verdicts import IMPROVEMENT, REGRESSION, Gate, decide, holm, rank_test

CONFIDENCE = 0.95
FOUND_SHARE = 0.9
EFFECTS = np.arange(0.01, 0.605, 0.01)


def at_most(found: int, of: int) -> float:
    """One-sided Clopper-Pearson bound of the share."""
    return binomtest(found, of, alternative="less").proportion_ci(CONFIDENCE, "exact").high


def at_least(found: int, of: int) -> float:
    return binomtest(found, of, alternative="greater").proportion_ci(CONFIDENCE, "exact").low


def false_alarm(cells: pd.DataFrame) -> bool:
    return bool(cells["verdict"].isin([REGRESSION, IMPROVEMENT]).any())


def found(cells: pd.DataFrame, strategy: str) -> bool:
    """Whether every cell of the strategy is a regression."""
    return bool((cells.loc[cells["combine"] == strategy, "verdict"] == REGRESSION).all())


def launch_spread(cells: pd.DataFrame) -> float:
    """How far launches of one arm lie apart: the median over cells and arms of interquartile
    range / median."""
    arms = [*cells["baseline"], *cells["new"]]
    return float(np.median([np.subtract(*np.percentile(arm, [75, 25])) / np.median(arm)
                            for arm in arms]))


def detection_rates(cells: pd.DataFrame, gate: Gate, deals: int, seed: int) -> NDArray:
    """By simulation from one A/A trial: its launches, each with all of its cells, are dealt anew
    at random into two arms, the new arm is slowed down in one cell, and the gate judges all. What
    launches did to all strategies alike is taken for the same in every deal. Answers the share
    found of every effect of EFFECTS in every cell."""
    launches = 2 * len(cells["baseline"].iloc[0])
    random = np.random.default_rng(seed)
    dealt = random.permuted(np.tile(np.arange(launches), (deals, 1)), axis=1)
    old, new = _deal(cells["baseline"], cells["new"], dealt)
    ways = [(old, new)]
    if "new_steady" in cells and (cells["new_steady"] != cells["new"]).any():
        ways.append(_deal(cells["baseline_steady"], cells["new_steady"], dealt))
    ratio = [np.median(new, axis=-1) / np.median(old, axis=-1) for old, new in ways]
    p = np.stack([rank_test(*way) for way in ways], axis=1)  # deals, ways, cells
    rates = np.empty((len(EFFECTS), len(cells)))
    for i, effect in enumerate(EFFECTS):
        slowed = np.stack([rank_test(old, new * (1 + effect)) for old, new in ways], axis=1)
        for cell in range(len(cells)):
            changed = p.copy()
            changed[..., cell] = slowed[..., cell]
            adjusted = holm(changed.reshape(deals, -1)).reshape(p.shape)
            # The first way is that of the times as they are, the last one, if another, steady.
            plain, steady = ((ratio[way][:, cell] * (1 + effect), adjusted[:, way, cell])
                             for way in (0, -1))
            rates[i, cell] = np.mean(decide(*plain, *steady, gate) == REGRESSION)
    return rates


def _deal(baseline: pd.Series, new: pd.Series, dealt: NDArray) -> tuple[NDArray, NDArray]:
    """Two arms of deals x cells x launches, from the numbers of the launches in each deal."""
    times = np.array([[*before, *after] for before, after in zip(baseline, new)]).T
    arms = np.moveaxis(times[dealt], 1, -1)
    half = dealt.shape[1] // 2
    return arms[..., :half], arms[..., half:]


def smallest_found(rates: NDArray) -> float | None:
    """The least effect that it and all larger ones are found in FOUND_SHARE of the time."""
    enough = np.logical_and.accumulate((rates >= FOUND_SHARE)[::-1])[::-1]
    return float(EFFECTS[np.argmax(enough)]) if enough.any() else None


def detectable(trials: Sequence[pd.DataFrame], gate: Gate, deals: int) -> dict[str, float | None]:
    """Over all cells together, and of the cell where the gate sees least."""
    rates = np.mean([detection_rates(cells, gate, deals, seed)
                     for seed, cells in enumerate(trials)], axis=0)
    worst = [smallest_found(one) for one in rates.T]
    return {
        "any_cell": smallest_found(rates.mean(axis=1)),
        "worst_cell": None if None in worst else max(worst),
    }

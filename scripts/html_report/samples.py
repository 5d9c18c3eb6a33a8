"""Quantiles of the output step's samples, for each cell."""

from collections.abc import Iterable

import numpy as np

from html_report.cells import Key
from moe_results import CELL, Row
from reference import is_timed
from samples import OUTPUT, Samples

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NAMES = tuple(f"q{round(100 * share)}" for share in QUANTILES)


def quantiles_of(samples: Samples, rows: Iterable[Row]) -> dict[Key, dict[str, float]]:
    """Of the rows with a time, by the columns of CELL; launches of one cell are pooled. Cells
    without samples are left out."""
    pooled: dict[Key, list[float]] = {}
    for row in rows:
        times = samples.of(row, OUTPUT).us
        if times and is_timed(row):
            pooled.setdefault(tuple(row[name] for name in CELL), []).extend(times)
    return {key: dict(zip(NAMES, np.quantile(times, QUANTILES).tolist()))
            for key, times in pooled.items()}

"""Quantiles of the output step's samples, for each cell."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from html_report.cells import Key
from moe_results import CELL, ResultsError, Row
from reference import is_timed

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NAMES = tuple(f"q{round(100 * share)}" for share in QUANTILES)
SAMPLE = ["run_id", "case_id", "combine"]


def samples_file(results: Path) -> Path:
    name = "results.samples.csv"
    return results / name if results.is_dir() else results.with_suffix(".samples.csv")


def quantiles_of(results: Path, rows: Iterable[Row]) -> dict[Key, dict[str, float]]:
    """Of the rows with a time, by the columns of CELL; launches of one cell are pooled. Empty
    without a samples file."""
    file = samples_file(results)
    rows = [row for row in rows if is_timed(row)]
    if not file.exists():
        return {}
    try:
        samples = pd.read_csv(file, usecols=[*SAMPLE, "kind", "us"],
                              dtype={name: "category" for name in (*SAMPLE, "kind")})
    except (OSError, ValueError) as error:
        raise ResultsError(f"{file} is no samples file of bench_moe_comm: {error}") from None
    output = samples[samples["kind"] == "output"]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(map(cell_key, rows)))}
    places = {tuple(row[name] for name in SAMPLE): numbers[cell_key(row)] for row in rows}
    parts = output.groupby(SAMPLE, observed=True)["us"].agg(list)
    pooled: dict[int, list[float]] = {}
    for sample, times in parts.items():
        if sample in places:
            pooled.setdefault(places[sample], []).extend(times)
    keys = list(numbers)
    return {keys[number]: summary(times) for number, times in pooled.items()}


def cell_key(row: Row) -> Key:
    return tuple(row[name] for name in CELL)


def summary(times: list[float]) -> dict[str, float]:
    return dict(zip(NAMES, pd.Series(times).quantile(QUANTILES)))

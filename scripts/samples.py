"""The samples beside a results CSV: every time of the output step and of the layer.

Standard library only, like moe_results.
"""

import csv
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from moe_results import ResultsError, Row, order_statistic_rank

OUTPUT, LAYER = KINDS = "output", "layer"
COLUMNS = ("run_id", "case_id", "combine", "kind", "round", "us")

Key = tuple[str, ...]  # run_id, case_id, combine, kind


@dataclass
class Series:
    """Samples of one strategy in one run. Those of a round were taken together."""

    rounds: array = field(default_factory=lambda: array("q"))
    us: array = field(default_factory=lambda: array("d"))


@dataclass(frozen=True)
class Estimate:
    median: float
    low: float
    high: float


class Samples:
    def __init__(self, series: dict[Key, Series] | None = None):
        self._series = series or {}

    def of(self, row: Row, kind: str) -> Series:
        """Empty where there are none."""
        key = row["run_id"], row["case_id"], row["combine"], kind
        return self._series.get(key, Series())

    def speedup(self, row: Row, reference: Row, kind: str) -> Estimate | None:
        """The median over rounds of the reference's time / the row's, with its 95 % interval: what
        the program makes of the baseline's. None below 6 rounds, which have no interval."""
        times, others = self.of(row, kind), self.of(reference, kind)
        known = dict(zip(others.rounds, others.us))
        ratios = sorted(known[at] / us for at, us in zip(times.rounds, times.us)
                        if at in known and us > 0)
        rank = order_statistic_rank(len(ratios))
        return Estimate(median(ratios), ratios[rank - 1], ratios[-rank]) if rank else None


def samples_file(results: str | Path) -> Path:
    """Of a CSV file, or of a folder that holds a results.csv."""
    results = Path(results)
    file = results / "results.csv" if results.is_dir() else results
    return file.with_suffix(".samples.csv")


def read_samples(results: Iterable[str | Path]) -> Samples:
    """Those beside the results that have any."""
    series: dict[Key, Series] = {}
    for file in dict.fromkeys(samples_file(path).resolve() for path in results):
        if file.exists():
            _read_file(file, series)
    return Samples(series)


def _read_file(file: Path, series: dict[Key, Series]) -> None:
    """The last line may be cut: a run that was killed in the middle of writing it."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            header = next(reader, [])
            if not set(COLUMNS) <= set(header):
                raise ResultsError(f"{file} is no samples file of bench_moe_comm")
            places = [header.index(name) for name in COLUMNS]
            bad = 0
            for cells in reader:
                if bad:
                    raise ResultsError(f"{file}:{bad}: no row of samples")
                if not _add(cells, places, series):
                    bad = reader.line_num
    except OSError as error:
        raise ResultsError(f"cannot read {file}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ResultsError(f"{file} is no samples file of bench_moe_comm: {error}") from None


def _add(cells: Sequence[str], places: Sequence[int], series: dict[Key, Series]) -> bool:
    """Whether it was a whole row."""
    try:
        run, case, combine, kind, at, us = (cells[place] for place in places)
        if kind in KINDS:
            number, time = int(at), float(us)
            one = series.setdefault((run, case, combine, kind), Series())
            one.rounds.append(number)
            one.us.append(time)
    except (ValueError, IndexError):
        return False
    return True

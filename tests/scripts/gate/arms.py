"""Arms of the gate: launches that were never measured, and cells of given times."""

from pathlib import Path

import pandas as pd
from synthetic import MACHINE, US, started, timed, write_rows, write_runs

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


def cells_of(old, new) -> pd.DataFrame:
    """Cells of the given launches: arrays of cells x launches."""
    return pd.DataFrame({"baseline": list(map(tuple, old)), "new": list(map(tuple, new)),
                         "reason": "", "doubt": ""})


def changed(combine: str, launches=range(1, 100), **changes):
    def change(row):
        return row | changes if row["combine"] == combine and row["launch"] in launches else row

    return change


NO_TIME = {"output_us_median": "", "combine_us_median": ""}

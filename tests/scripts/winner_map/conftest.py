"""Winner maps of rows."""

from collections.abc import Iterable
from pathlib import Path

import moe_results
import pytest
from charts.maps import make_maps
from charts.winner_map import WinnerMap
from map_rows import Row
from results_csv import write_csv


@pytest.fixture
def maps_of(tmp_path: Path):
    def maps(rows: Iterable[Row]) -> list[WinnerMap]:
        return make_maps(moe_results.read_results([write_csv(tmp_path / "results.csv", rows)]))

    return maps


@pytest.fixture
def map_of(maps_of):
    def only(rows: Iterable[Row]) -> WinnerMap:
        (one,) = maps_of(rows)
        return one

    return only

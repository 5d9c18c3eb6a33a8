"""Winner maps of rows."""

from collections.abc import Iterable
from pathlib import Path

import moe_results
import pytest
from charts.figures import Page, make_maps
from map_rows import Row
from results_csv import write_csv


@pytest.fixture
def maps_of(tmp_path: Path):
    def maps(rows: Iterable[Row]) -> list[Page]:
        return make_maps(moe_results.read_results([write_csv(tmp_path / "results.csv", rows)]))

    return maps


@pytest.fixture
def map_of(maps_of):
    def only(rows: Iterable[Row]) -> Page:
        (one,) = maps_of(rows)
        return one

    return only

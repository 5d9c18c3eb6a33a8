"""Figures before they are written, and their texts."""

from pathlib import Path

import moe_results
from chart_rows import Row
from charts import CHARTS as KINDS
from charts.figure import Chart, draw
from charts.figures import make_maps, make_pages
from charts.winner_map import WinnerMap
from matplotlib.figure import Figure
from matplotlib.text import Text
from results_csv import write_csv

CHARTS = ("speedup_output", "speedup_layer", "phases", "latency", "bandwidth")
WITH_MAP = (*CHARTS, "winner_map")  # Where a second thing varies beside the tokens.


def figure_text(figure: Figure) -> str:
    """A text is wrapped: with spaces for the breaks it is whole again."""
    return " ".join(text.get_text().replace("\n", " ") for text in figure.findobj(Text))


def figures(rows: list[Row], tmp_path: Path) -> list[tuple[Chart, Figure]]:
    """The figures before they are written, with the chart that each one is."""
    file = write_csv(tmp_path / "results.csv", rows)
    pages = make_pages(moe_results.read_results([file]))
    drawn = [(chart, draw(page, chart)) for page in pages for chart in KINDS]
    return [(chart, figure) for chart, figure in drawn if figure]


def maps(rows: list[Row], tmp_path: Path) -> list[tuple[Chart, Figure]]:
    file = write_csv(tmp_path / "results.csv", rows)
    found = make_maps(moe_results.read_results([file]))
    chart = WinnerMap()
    return [(chart, draw(page, chart)) for page in found]

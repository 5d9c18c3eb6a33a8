"""The latency chart: the time of every strategy's output step."""

import pandas as pd

from charts.caption import reference_of
from charts.lines import LineChart
from charts.winners import fastest, winners_text


class LatencyChart(LineChart):
    name, measure = "latency", "output_us_median"
    key = "Medians of the output step. Vertical bars: 95 % intervals."
    ylabel = "output step (µs)"

    def headline(self, rows: pd.DataFrame) -> str:
        return winners_text(fastest(rows, "panel"), reference_of(rows))

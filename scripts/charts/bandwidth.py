"""The bandwidth chart: bus bandwidth of every strategy's exchange, and what the contract allows."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from charts.axes import TokenAxis
from charts.format import bandwidth_text, percent_text, where_text
from charts.lines import LineChart
from charts.style import MUTED

LIMIT_LINE = {
    "linestyle": (0, (1, 1)), "color": MUTED, "linewidth": 2.5, "label": "contract's limit",
}


class BandwidthChart(LineChart):
    name, measure = "bandwidth", "busbw_gbps"
    key = (
        "Bus bandwidth: bytes that the contract forces over the median time of the exchange alone,"
        " the same bytes for every strategy."
    )
    ylabel = "bus bandwidth (GB/s)"

    def usable(self, rows: pd.DataFrame) -> pd.DataFrame:
        """One rank alone, and no tokens, move nothing over a bus."""
        return rows[(rows["busbw_gbps"] > 0) & (rows["tokens"] > 0)]

    def headline(self, rows: pd.DataFrame) -> str:
        rows = rows.reset_index()
        most = rows.loc[rows["busbw_gbps"].idxmax()]
        gbps = most["busbw_gbps"]
        text = (f"{most['combine']} has the most bus bandwidth, {bandwidth_text(gbps)}"
                f" ({where_text(most)})")
        limit = limit_by_tokens(rows[rows["panel"] == most["panel"]]).get(most["tokens"])
        if limit is None:
            return text
        return f"{text}: {percent_text(100 * gbps / limit)} of the contract's limit"

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis, every: pd.DataFrame) -> None:
        super().paint(ax, rows, axis, every)
        limits = limit_by_tokens(rows)
        if not limits.empty:
            ax.plot(limits.index.map(axis.at), limits, zorder=1, **LIMIT_LINE)

    def handles(self, rows: pd.DataFrame) -> list[Line2D]:
        limit = [] if limit_by_tokens(rows).empty else [Line2D([], [], **LIMIT_LINE)]
        return super().handles(rows) + limit


def limit_by_tokens(rows: pd.DataFrame) -> pd.Series:
    """The bus bandwidth of an exchange that takes no longer than the contract's limit. Strategies
    of a case agree in it; several launches had limits of their own."""
    limits = rows["busbw_gbps"] * rows["combine_us_median"] / rows["contract_limit_us"]
    return limits.groupby(rows["tokens"]).median().dropna().sort_index()

"""The bandwidth chart: bus bandwidth of every strategy's exchange, and what the contract allows."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from charts.captions import Caption, depends_on
from charts.chart import Chart, EndLabel, Painted
from charts.figures import Panel
from charts.format import bandwidth_text, listed, percent_text, range_text
from charts.lines import draw_lines, log_limits
from charts.style import MUTED, Style
from charts.token_axis import TokenAxis, log_axis

LIMIT = Style(MUTED, (0, (4, 2)), "_", MUTED)


class BandwidthChart(Chart):
    name = "bandwidth"
    key = (
        "Bus bandwidth: bytes that the contract forces over the median time of the exchange alone,"
        " the same bytes for every strategy. Dashed: at the calibrated limit of the contract."
        " Numbers at the line ends: the largest token count."
    )
    ylabel = "bus bandwidth (GB/s, log scale)"
    log = True
    axis = staticmethod(log_axis)
    amount_text = staticmethod(bandwidth_text)

    def usable(self, rows: pd.DataFrame) -> pd.DataFrame:
        """One rank alone, and no tokens, move nothing over a bus."""
        return rows[(rows["busbw_gbps"] > 0) & (rows["tokens"] > 0)]

    def caption(self, rows: pd.DataFrame) -> Caption:
        most = most_at_largest(rows)
        headline = f"{most['combine']} has the most bus bandwidth at {most['tokens']} tokens:"
        text = f"{headline} {bandwidth_text(most['busbw_gbps'])}"
        limits = limit_by_tokens(rows)
        if most["tokens"] in limits.index:
            share = 100 * most["busbw_gbps"] / limits[most["tokens"]]
            text += f", {percent_text(share)} of the contract's limit"
        return Caption(text, (headline,), (most["busbw_gbps"],))

    def differing(self, panels: Sequence[Panel]) -> str:
        most = [most_at_largest(panel.rows) for panel in panels]
        names = [row["combine"] for row in most]
        amounts = range_text([row["busbw_gbps"] for row in most], bandwidth_text)
        if len(set(names)) == 1:
            return f"{names[0]} has the most bus bandwidth at the largest size: {amounts}"
        where = listed(depends_on(panels, names))
        which = "Which strategy has the most bus bandwidth at the largest size"
        return f"{which} depends on {where}: {amounts}"

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis) -> Painted:
        labels = draw_lines(ax, rows, axis, "busbw_gbps", bandwidth_text)
        limits = limit_by_tokens(rows)
        if not limits.empty:
            x = [axis.at[tokens] for tokens in limits.index]
            ax.plot(x, limits, linestyle=LIMIT.line, color=LIMIT.colour, linewidth=1.2, zorder=1)
            last = limits.iloc[-1]
            labels.append(EndLabel(x[-1], last, f"contract's limit {bandwidth_text(last)}", LIMIT))
        bounds = pd.concat([rows["busbw_gbps"], limits]).to_frame()
        return Painted(labels, *log_limits(bounds))


def limit_by_tokens(rows: pd.DataFrame) -> pd.Series:
    """The bus bandwidth of an exchange that takes no longer than the contract's limit. Strategies
    of a case agree in it; several launches had limits of their own."""
    limits = rows["busbw_gbps"] * rows["combine_us_median"] / rows["contract_limit_us"]
    return limits.groupby(rows["tokens"]).median().dropna().sort_index()


def most_at_largest(rows: pd.DataFrame) -> pd.Series:
    here = rows[rows["tokens"] == rows["tokens"].max()]
    return here.loc[here["busbw_gbps"].idxmax()]

"""Lines over the token counts, one for each strategy, with intervals."""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

import moe_results
from charts.axes import TokenAxis
from charts.figure import Chart
from charts.style import line_handles, style_of


class LineChart(Chart):
    """A chart of one measure, over the token counts."""

    measure: str

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis, every: pd.DataFrame) -> None:
        draw_lines(ax, rows, axis, self.measure)

    def handles(self, rows: pd.DataFrame) -> list[Line2D]:
        return line_handles(rows["combine"].unique())


def draw_lines(ax: Axes, rows: pd.DataFrame, axis: TokenAxis, measure: str) -> None:
    """One line for each strategy with its intervals. A hollow marker is a point whose speed-up is
    not resolved; a measure without intervals has only its points. All marks of a token count stand
    exactly there: beside it, equal times on lines that rise would look unequal."""
    if measure in moe_results.MEASURES:
        draw_intervals(ax, rows, axis, moe_results.MEASURES[measure])
    for strategy in rows["combine"].unique():
        line = rows[rows["combine"] == strategy].sort_values("tokens")
        style = style_of(strategy)
        # A line breaks where the strategy has no time, and at 0, which has no place on a log axis.
        joined = line.set_index("tokens")[measure].reindex(sorted(rows["tokens"].unique()))
        path = [axis.at[tokens] if tokens > 0 else math.nan for tokens in joined.index]
        ax.plot(path, joined, style.line, color=style.colour, linewidth=1.6, label=strategy)
        hollow = speedup_unresolved(line, measure)
        for chosen, fill in ((~hollow, style.colour), (hollow, "white")):
            ax.plot(
                line.loc[chosen, "tokens"].map(axis.at), line.loc[chosen, measure], style.marker,
                color=style.colour, markerfacecolor=fill, markersize=6, zorder=3,
            )


def draw_intervals(ax: Axes, rows: pd.DataFrame, axis: TokenAxis, stem: str) -> None:
    """Vertical bars, the widest first, so that none hides one that lies within it."""
    rows = rows.sort_values("tokens", kind="stable")
    low, high = rows[f"{stem}_low"], rows[f"{stem}_high"]
    order = (high / low).sort_values(ascending=False, kind="stable").index
    colours = [style_of(strategy).colour for strategy in rows.loc[order, "combine"]]
    x = rows.loc[order, "tokens"].map(axis.at)
    ax.vlines(x, low[order], high[order], colours, linewidth=1.4, zorder=2)


def speedup_unresolved(rows: pd.DataFrame, measure: str) -> pd.Series:
    """Of measures that are speed-ups. Also true where there is no interval: then nothing is
    resolved either."""
    if measure not in moe_results.SPEEDUPS:
        return rows["baseline"] & False
    apart = (rows[f"{measure}_low"] > 1) | (rows[f"{measure}_high"] < 1)
    return ~apart & ~rows["baseline"]

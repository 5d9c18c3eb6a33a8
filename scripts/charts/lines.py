"""Lines over the token counts, one for each strategy, with intervals and end labels."""

import math
from collections.abc import Callable

import pandas as pd
from matplotlib.axes import Axes

import moe_results
from charts.chart import EndLabel
from charts.style import style_of
from charts.token_axis import TokenAxis
from reference import ENGINE_FORM


def draw_lines(
    ax: Axes, rows: pd.DataFrame, axis: TokenAxis, measure: str, text: Callable[[float], str]
) -> list[EndLabel]:
    """One line for each strategy with its intervals. A hollow marker is a point whose speed-up is
    not resolved; a measure without intervals has only its points. All marks of a token count stand
    exactly there: beside it, equal times on lines that rise would look unequal."""
    stem = moe_results.MEASURES.get(measure)
    speedup = measure if measure.startswith("speedup") else None
    if stem:
        draw_intervals(ax, rows, axis, stem)
    labels = []
    for strategy in rows["combine"].unique():
        line = rows[rows["combine"] == strategy].sort_values("tokens")
        style = style_of(strategy)
        x = line["tokens"].map(axis.at)
        # A line breaks where the strategy has no time, and at 0, which has no place on a log axis.
        joined = line.set_index("tokens")[measure].reindex(sorted(rows["tokens"].unique()))
        path = [axis.at[tokens] if tokens > 0 else math.nan for tokens in joined.index]
        name = f"line:{strategy}:{ax.figure.axes.index(ax)}"
        ax.plot(path, joined, style.line, color=style.colour, linewidth=1.4, gid=name)
        resolved = ~speedup_unresolved(line, speedup) if speedup else line[measure].notna()
        for chosen, fill in ((resolved, style.colour), (~resolved, "white")):
            ax.plot(
                x[chosen], line.loc[chosen, measure], style.marker, color=style.colour,
                markerfacecolor=fill, markersize=5.5, markeredgewidth=1.1, zorder=3,
            )
        end = line.iloc[-1]
        words = [strategy, text(end[measure])]
        if end["tokens"] != axis.tokens[-1]:
            words.append(f"at {end['tokens']}")
        if end["baseline"]:
            words.append("(reference)" if strategy == ENGINE_FORM else "(baseline)")
        labels.append(EndLabel(x.iloc[-1], end[measure], " ".join(words), style))
    return labels


def draw_intervals(ax: Axes, rows: pd.DataFrame, axis: TokenAxis, stem: str) -> None:
    """Vertical bars, the widest first, so that none hides one that lies within it."""
    rows = rows.sort_values("tokens", kind="stable")
    low, high = rows[f"{stem}_low"], rows[f"{stem}_high"]
    order = (high / low).sort_values(ascending=False, kind="stable").index
    colours = [style_of(strategy).colour for strategy in rows.loc[order, "combine"]]
    x = rows.loc[order, "tokens"].map(axis.at)
    ax.vlines(x, low[order], high[order], colours, linewidth=1.1, zorder=2)


def speedup_unresolved(rows: pd.DataFrame, metric: str) -> pd.Series:
    """Also true where there is no interval: then nothing is resolved either."""
    apart = (rows[f"{metric}_low"] > 1) | (rows[f"{metric}_high"] < 1)
    return ~apart & ~rows["baseline"]


def log_limits(values: pd.DataFrame, always: float | None = None) -> tuple[float, float]:
    values = values.where(values > 0)
    low, high = values.min().min(), values.max().max()
    if always is not None:
        low, high = min(low, always), max(high, always)
    margin = max((high / low) ** 0.06, 1.04)
    return low / margin, high * margin

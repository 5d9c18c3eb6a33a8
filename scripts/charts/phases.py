"""The phases chart: what a layer spends its time on, baseline against the best candidate."""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from charts.captions import Caption
from charts.chart import Chart, EndLabel, Painted
from charts.format import percent_text, time_text
from charts.style import INK, PHASES, Style
from charts.subtitle import reference_of
from charts.token_axis import TokenAxis, bar_axis


class PhaseChart(Chart):
    name = "phases"
    key = (
        "Bar height: time of the layer without marks in it, as a share of {reference}'s; on top"
        " the time itself. Its split: shares in a separate run with marks."
    )
    ylabel = "share of {reference}'s layer time (%)"
    log = False
    axis = staticmethod(bar_axis)
    amount_text = staticmethod(percent_text)
    bar_width = 0.4

    none = "no row has phases: no layer was timed, or in graphs only"

    def usable(self, rows: pd.DataFrame) -> pd.DataFrame:
        rows = rows[(rows["layer_us_median"] > 0) & has_phases(rows)]
        return rows[rows["tokens"].isin(rows.loc[rows["baseline"], "tokens"])]

    def left_out(self, rows: pd.DataFrame) -> str:
        graphs = (rows["layer_us_median"] > 0) & (rows["graph"] == "on") & ~has_phases(rows)
        return "graph on: not in this chart, a layer in a graph has no phases" * bool(graphs.any())

    def caption(self, rows: pd.DataFrame) -> Caption:
        split = phase_split(rows[rows["baseline"]].set_index("tokens").sort_index())
        share = 100 * split["combine_us_median"] / split.sum(axis=1)
        first, last = share.index[0], share.index[-1]
        layer = f"{reference_of(rows)}'s layer"
        text = f"The combine takes {percent_text(share[first])} of {layer}"
        text += f" at {first} tokens"
        if first != last:
            text += f" and {percent_text(share[last])} at {last}"
        return Caption(text, (f"Share of the combine in {layer}:",), tuple(share))

    def legend(self, rows: pd.DataFrame) -> str:
        base = rows.loc[rows["baseline"], "combine"].iloc[0]
        candidate = best_fused(rows)
        if candidate is None:
            return f"bars: {base}"
        text = f"left bars: {base}; right bars: {candidate}"
        fused = rows.loc[rows["combine"] == candidate, "combine_us_median"].isna().all()
        return f"{text}, its combine with the local combine in it" if fused else text

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis) -> Painted:
        base = rows[rows["baseline"]].set_index("tokens")
        candidate = rows[rows["combine"] == best_fused(rows)].set_index("tokens")
        labels: dict[str, EndLabel] = {}
        highest = 100.0
        sides = ((0.0, base),) if candidate.empty else ((-0.5, base), (0.5, candidate))
        for side, bars in sides:
            heights = phase_split(bars)
            heights = heights.div(heights.sum(axis=1), axis=0)
            relative = 100 * bars["layer_us_median"] / base["layer_us_median"].reindex(bars.index)
            heights = heights.mul(relative, axis=0).sort_index()
            highest = max(highest, relative.max())
            for tokens, stack in heights.iterrows():
                x = axis.at[tokens] + side * (self.bar_width + 0.03)
                # The last bar that has a phase labels it.
                labels |= self.draw_bar(ax, x, stack)
                time = time_text(bars.loc[tokens, "layer_us_median"])
                ax.annotate(
                    time, (x, stack.sum()), (0, 3), textcoords="offset points", ha="center",
                    va="bottom", rotation=90, fontsize=7, color=INK,
                )
        return Painted(list(labels.values()), 0, highest * 1.2)

    def draw_bar(self, ax: Axes, x: float, stack: pd.Series) -> dict[str, EndLabel]:
        labels = {}
        bottom = 0.0
        for column, (name, colour) in PHASES.items():
            height = stack[column]
            if height <= 0:
                continue
            ax.bar(x, height, self.bar_width, bottom, color=colour, edgecolor="white", lw=0.4)
            if height >= 5:
                ax.text(
                    x, bottom + height / 2, f"{height:.0f}", ha="center", va="center", fontsize=6.5,
                    color="white" if sum(to_rgb(colour)) < 1.45 else INK,
                )
            middle = bottom + height / 2
            style = Style(colour, "-", "s", colour)
            labels[column] = EndLabel(x + self.bar_width / 2, middle, name, style)
            bottom += height
        return labels


def has_phases(rows: pd.DataFrame) -> pd.Series:
    """The combine by itself is a region, which rows without phases have too."""
    phases = [name for name in PHASES if name != "combine_us_median"]
    return (rows[phases] > 0).any(axis=1)


def phase_split(rows: pd.DataFrame) -> pd.DataFrame:
    """The phases of each row in microseconds. A fused strategy has no combine of its own: local
    combine and exchange are one pass, which is its output step."""
    split = rows[list(PHASES)].copy()
    fused = split["combine_us_median"].isna()
    split.loc[fused, "local_combine_us_median"] = 0.0
    split.loc[fused, "combine_us_median"] = rows.loc[fused, "output_us_median"]
    return split.fillna(0.0)


def best_fused(rows: pd.DataFrame) -> str | None:
    """The candidate of the reduce_scatter form with the highest mean log speed-up; any candidate
    where none has that form, or none says so (files from before that column)."""
    candidates = rows[~rows["baseline"]]
    scattered = candidates[candidates["form"] == "reduce_scatter"]
    candidates = candidates if scattered.empty else scattered
    if candidates.empty:
        return None
    score = candidates["speedup_output"].map(math.log, na_action="ignore")
    return str(score.groupby(candidates["combine"]).mean().fillna(-math.inf).idxmax())

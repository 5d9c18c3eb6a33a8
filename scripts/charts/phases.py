"""The phases chart: what a layer spends its time on, baseline against the best candidate."""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from charts.axes import TokenAxis, bar_axis
from charts.caption import reference_of
from charts.figure import Chart
from charts.format import percent_text, range_text, time_text
from charts.style import PHASES

BAR = 0.4
# Communication is hatched, for paper without colours.
HATCHES = {"gather_us_median": "\\\\\\", "combine_us_median": "///"}


class PhaseChart(Chart):
    name = "phases"
    key = (
        "Bar height: time of the layer without marks in it, as a share of that with {reference}."
        " Its split: shares in a separate run with marks. A fused combine holds the local one."
        " Hatched: communication."
    )
    ylabel, log = "layer time (%)", False
    axis = staticmethod(bar_axis)
    none = "no row has phases: no layer was timed, or in graphs only"

    def usable(self, rows: pd.DataFrame) -> pd.DataFrame:
        rows = rows[(rows["layer_us_median"] > 0) & has_phases(rows)]
        return rows[rows["tokens"].isin(rows.loc[rows["baseline"], "tokens"])]

    def notes(self, rows: pd.DataFrame) -> list[str]:
        graphs = (rows["layer_us_median"] > 0) & (rows["graph"] == "on") & ~has_phases(rows)
        none = "graph on: not in this chart, a layer in a graph has no phases"
        return [none] if graphs.any() else []

    def headline(self, rows: pd.DataFrame) -> str:
        base = rows[rows["baseline"]]
        split = phase_split(base)
        shares = 100 * split["combine_us_median"] / split.sum(axis=1)
        times = range_text(base["layer_us_median"], time_text)
        text = (f"The combine takes {range_text(shares, percent_text)} of the layer with"
                f" {reference_of(rows)} ({times})")
        best = best_candidate(rows)
        return f"{text}; right bars: {best}" if best else text

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis, every: pd.DataFrame) -> None:
        rows = rows.set_index("tokens").sort_index()
        base, candidate = rows[rows["baseline"]], rows[rows["combine"] == best_candidate(every)]
        sides = ((0.0, base),) if candidate.empty else ((-0.5, base), (0.5, candidate))
        for side, bars in sides:
            split = phase_split(bars)
            relative = 100 * bars["layer_us_median"] / base["layer_us_median"].reindex(bars.index)
            heights = split.mul(relative / split.sum(axis=1), axis=0)
            x = bars.index.map(axis.at) + side * (BAR + 0.03)
            bottom = 0.0
            for column in heights:
                ax.bar(x, heights[column], BAR, bottom, lw=0.4, **look_of(column))
                bottom = bottom + heights[column]

    def handles(self, rows: pd.DataFrame) -> list[Patch]:
        split = phase_split(rows)
        return [Patch(**look_of(column), label=PHASES[column][0])
                for column in split if (split[column] > 0).any()]


def look_of(column: str) -> dict[str, str | None]:
    return {"facecolor": PHASES[column][1], "edgecolor": "white", "hatch": HATCHES.get(column)}


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


def best_candidate(rows: pd.DataFrame) -> str | None:
    """The candidate of the reduce_scatter form with the highest mean log speed-up; any candidate
    where none has that form, or none says so (files from before that column)."""
    candidates = rows[~rows["baseline"]]
    scattered = candidates[candidates["form"] == "reduce_scatter"]
    candidates = candidates if scattered.empty else scattered
    if candidates.empty:
        return None
    score = candidates["speedup_output"].map(math.log, na_action="ignore")
    return str(score.groupby(candidates["combine"]).mean().fillna(-math.inf).idxmax())

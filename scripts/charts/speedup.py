"""The speed-up charts: every strategy over what engines run, or over the baseline."""

import pandas as pd
from matplotlib.axes import Axes

from charts.axes import TokenAxis
from charts.caption import reference_of
from charts.format import count_text, ratio_text, where_text
from charts.lines import LineChart
from charts.style import MUTED


class SpeedupChart(LineChart):
    ylabel = "speed-up (log scale)"

    def __init__(self, name: str, what: str):
        self.name = self.measure = name
        self.what = what
        self.key = (f"Speed-up of {what} over {{reference}}. Vertical bars: 95 % intervals. Hollow:"
                    " the interval contains 1, not resolved.")

    def usable(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows[self.measure].notna()]

    def headline(self, rows: pd.DataFrame) -> str:
        return speedup_headline(rows, self.measure, self.what)

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis, every: pd.DataFrame) -> None:
        super().paint(ax, rows, axis, every)
        ax.axhline(1, color=MUTED, linewidth=0.8, zorder=1)


def speedup_headline(rows: pd.DataFrame, measure: str, what: str) -> str:
    """The strategy that is faster than the reference in most cases more than it is slower, as far
    as that is resolved; among equals the one with the largest gain."""
    candidates = rows[~rows["baseline"]]
    if candidates.empty:
        return f"Only {reference_of(rows)} was timed in {what}"
    faster, slower = candidates[f"{measure}_low"] > 1, candidates[f"{measure}_high"] < 1
    tallies = candidates.assign(
        faster=faster, slower=slower, net=faster.astype(int) - slower, gain=candidates[measure],
    ).groupby("combine").agg({"faster": "sum", "slower": "sum", "net": "sum", "gain": "max"})
    tallies = tallies[tallies["faster"] > 0].sort_values(["net", "gain"])
    cases = count_text(len(candidates[["panel", "tokens"]].drop_duplicates()), "case")
    if tallies.empty:
        return (f"{what.capitalize()}: no strategy is resolved faster than {reference_of(rows)} in"
                f" any of {cases}")
    best = tallies.iloc[-1]
    wins = candidates[faster & (candidates["combine"] == best.name)]
    top = wins.loc[wins[measure].idxmax()]
    text = (f"{what.capitalize()}: {best.name} is faster than {reference_of(rows)} in"
            f" {best['faster']:.0f} of {cases}")
    if best["slower"]:
        text += f" and slower in {best['slower']:.0f}"
    return f"{text}; up to {ratio_text(top[measure])} ({where_text(top)})"

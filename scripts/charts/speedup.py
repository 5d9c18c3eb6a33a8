"""The speed-up charts: every strategy over the baseline, and the winner at each size."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from charts.captions import Caption, depends_on
from charts.chart import Chart, Painted
from charts.figures import Panel
from charts.format import listed, ratio_text, sizes_text
from charts.lines import draw_lines, log_limits
from charts.subtitle import reference_of
from charts.token_axis import TokenAxis, log_axis


class SpeedupChart(Chart):
    key = (
        "Vertical bars: 95 % intervals. Hollow: the interval contains 1, not resolved."
        " Numbers at the line ends: the largest token count."
    )
    ylabel = "speed-up over {reference} (×, log scale)"
    log = True
    axis = staticmethod(log_axis)
    amount_text = staticmethod(ratio_text)

    def __init__(self, name: str, what: str):
        self.name, self.what = name, what

    def usable(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows[self.name].notna()]

    def caption(self, rows: pd.DataFrame) -> Caption:
        return speedup_caption(rows, self.name, self.what)

    def differing(self, panels: Sequence[Panel]) -> str:
        return differing_headline(panels, self.name, self.what)

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis) -> Painted:
        ax.axhline(1, color="#BBBBBB", linewidth=0.8, zorder=0)
        labels = draw_lines(ax, rows, axis, self.name, ratio_text)
        bounds = rows[[self.name, f"{self.name}_low", f"{self.name}_high"]]
        return Painted(labels, *log_limits(bounds, always=1.0))


def speedup_caption(rows: pd.DataFrame, metric: str, what: str) -> Caption:
    """The strategies that are faster than the baseline, their sizes and gains, where resolved."""
    candidates = rows[~rows["baseline"]]
    if candidates.empty:
        text = f"Only {reference_of(rows)} was timed in {what}"
        return Caption(text, (text,))
    best = winners(rows, metric)
    if best.empty:
        return no_gain_caption(candidates, metric, what)
    leader, *others = ranked(best, metric)
    every = sorted(candidates["tokens"].unique())
    wins = best[best["combine"] == leader]
    peak = wins.loc[wins[metric].idxmax()]
    tied = tied_with(peak, rows, metric)
    verb = "leads" if tied else "wins"
    headline = f"{leader} {verb} {what} {sizes_text(list(wins['tokens']), every)}"
    text = f"{headline}: {ratio_text(peak[metric])}"
    if len(wins) > 1:
        text += f" at {peak['tokens']}"
    if tied:
        text += f", tied with {tied[0] if len(tied) == 1 else f'{len(tied)} others'}"
    if len(others) == 1:
        won = list(best.loc[best["combine"] == others[0], "tokens"])
        text += f", {others[0]} {sizes_text(won, every)}"
    elif others:
        text += f", {len(others)} others elsewhere"
    headlines = (f"{headline}:", f"{leader} gains most in {what}, at best")
    return Caption(text, headlines, (peak[metric],))


def no_gain_caption(candidates: pd.DataFrame, metric: str, what: str) -> Caption:
    unresolved = candidates[~(candidates[f"{metric}_high"] < 1)]
    if unresolved.empty:
        text = f"No strategy beats {reference_of(candidates)} in {what}"
        return Caption(text, (text,))
    best = unresolved.loc[unresolved[metric].idxmax()]
    headline = f"Not resolved: no gain in {what}"
    where = f"{ratio_text(best[metric])} at {best['tokens']} tokens"
    return Caption(f"{headline} (best: {best['combine']}, {where})", (headline,))


def winners(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The best strategy at each token count, where one is faster than the baseline."""
    gains = rows[~rows["baseline"] & (rows[f"{metric}_low"] > 1)]
    return gains.loc[gains.groupby("tokens")[metric].idxmax()]


def ranked(best: pd.DataFrame, metric: str) -> list[str]:
    """The winners: by the number of token counts, among equals by the largest gain."""
    scores = best.groupby("combine")[metric].agg(["size", "max"])
    return list(scores.sort_values(["size", "max"], ascending=False).index)


def differing_headline(panels: Sequence[Panel], metric: str, what: str) -> str:
    """What the winners change with, and the largest gain; the panels' own captions say more."""
    best = [winners(panel.rows, metric) for panel in panels]
    gaining = [(panel, wins) for panel, wins in zip(panels, best) if not wins.empty]
    if not gaining:
        return f"No resolved gain in {what}"
    changes = depends_on(panels, ["".join(ranked(wins, metric)[:1]) for wins in best])
    if any(changes_with_size(wins, panel.rows) for panel, wins in gaining):
        changes.append("batch size")
    tops = [(panel, wins.loc[wins[metric].idxmax()]) for panel, wins in gaining]
    panel, top = max(tops, key=lambda pair: pair[1][metric])
    names = {name for _, wins in gaining for name in wins["combine"]}
    tied = any(tied_with(row, panel.rows, metric) for panel, row in tops)
    subject = "any gain" if len(names) == 1 else "the leader" if tied else "the winner"
    where = f"{top['combine']}, {top['tokens']} tokens, {panel.label}"
    text = f"{what[0].upper()}{what[1:]}: {subject} depends on {listed(changes)}"
    return f"{text}; up to {ratio_text(top[metric])} ({where})"


def changes_with_size(best: pd.DataFrame, rows: pd.DataFrame) -> bool:
    sizes = rows.loc[~rows["baseline"], "tokens"].nunique()
    return len(best) < sizes or best["combine"].nunique() > 1


def tied_with(peak: pd.Series, rows: pd.DataFrame, metric: str) -> list[str]:
    """Candidates whose interval reaches into the leader's, or who have none. Cautious: rounds are
    paired with the baseline, so two overlapping intervals may still differ."""
    others = rows[~rows["baseline"] & (rows["combine"] != peak["combine"])]
    same = others[others["tokens"] == peak["tokens"]]
    return list(same.loc[~(same[f"{metric}_high"] < peak[f"{metric}_low"]), "combine"])

"""The latency chart: the time of every strategy's output step."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from charts.captions import Caption, depends_on
from charts.chart import Chart, Painted
from charts.figures import Panel
from charts.format import listed, range_text, time_text
from charts.lines import draw_lines, log_limits
from charts.speedup import tied_with
from charts.subtitle import reference_of, reference_text
from charts.token_axis import TokenAxis, log_axis


NOT_RESOLVED, TIED = "not resolved", "perhaps tied"


class LatencyChart(Chart):
    name = "latency"
    key = "Vertical bars: 95 % intervals. Numbers at the line ends: the largest token count."
    ylabel = "output step, median (µs, log scale)"
    log = True
    axis = staticmethod(log_axis)
    amount_text = staticmethod(time_text)

    def caption(self, rows: pd.DataFrame) -> Caption:
        fastest = fastest_at_largest(rows)
        headline = f"{name_of(fastest)} has the fastest output step at {fastest['tokens']} tokens"
        doubt = doubt_of(fastest, rows)
        headline += f" ({doubt})" * bool(doubt)
        text = f"{headline}: {time_text(fastest['output_us_median'])}"
        if not fastest["baseline"]:
            here = rows[rows["tokens"] == fastest["tokens"]]
            for base in here.loc[here["baseline"], "output_us_median"]:
                text += f" against {reference_of(rows)}'s {time_text(base)}"
        return Caption(text, (f"{headline}:",), (fastest["output_us_median"],))

    def differing(self, panels: Sequence[Panel]) -> str:
        fastest = [fastest_at_largest(panel.rows) for panel in panels]
        names = [name_of(row) for row in fastest]
        sizes = {row["tokens"] for row in fastest}
        where = f"at {sizes.pop()} tokens" if len(sizes) == 1 else "at the largest size"
        same = len(set(names)) == 1
        text = f"{names[0] if same else 'Which strategy'} has the fastest output step {where}"
        if not same:
            text += f" depends on {listed(depends_on(panels, names))}"
        doubts = [doubt_of(row, panel.rows) for row, panel in zip(fastest, panels)]
        for doubt in (NOT_RESOLVED, TIED):
            if doubt in doubts:
                text += f", {doubt}" + " in some panels" * (set(doubts) != {doubt})
        return f"{text}: {range_text([row['output_us_median'] for row in fastest], time_text)}"

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis) -> Painted:
        labels = draw_lines(ax, rows, axis, "output_us_median", time_text)
        bounds = rows[["output_us_median", "output_us_low", "output_us_high"]]
        return Painted(labels, *log_limits(bounds))


def fastest_at_largest(rows: pd.DataFrame) -> pd.Series:
    here = rows[rows["tokens"] == rows["tokens"].max()]
    return here.loc[here["output_us_median"].idxmin()]


def name_of(row: pd.Series) -> str:
    if not row["baseline"]:
        return row["combine"]
    text = reference_text(row["combine"])
    return text[0].upper() + text[1:]


def doubt_of(fastest: pd.Series, rows: pd.DataFrame) -> str:
    """Why the fastest in its median may not be the fastest, or ""."""
    if not (fastest["baseline"] or fastest["speedup_output_low"] > 1):
        return NOT_RESOLVED
    return TIED if tied_with(fastest, rows, "speedup_output") else ""

"""One figure: a headline, a grid of panels that constrained_layout arranges, a legend, a caption.

A figure is as wide as two columns of a paper. Printed as wide as one, it has text of 5 points or
more.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from charts.axes import TokenAxis, log_axis, set_log_scale
from charts.caption import caption_of, claim_text, reference_of
from charts.figures import Page, Panel
from charts.format import wrap
from charts.style import INK, MUTED, WARNING

WIDTH, EDGE = 6.8, 0.08  # Inches; so are the heights.
HEAD_LINE, TITLE_LINE, LEGEND_LINE, FOOT_LINE = 0.24, 0.19, 0.235, 0.158
FOOT_SIZE = 10
# Letters in a line of the head, of the foot, and of a panel's title by the columns of the grid.
HEAD_LETTERS, FOOT_LETTERS, PANEL_LETTERS = 60, 88, {1: 60, 2: 27, 3: 18}

Grid = list[list[Panel | None]]


class Chart:
    """One kind of figure: which rows it can show, what it finds in them, how it draws a panel.

    Rows have a column `panel`, the label of theirs.
    """

    name: str
    key: str  # How to read the marks, with a place for what speed-ups are over: {reference}.
    ylabel: str
    log = True
    axis: Callable[[set[int]], TokenAxis] = staticmethod(log_axis)
    none = "no row has its times"  # Why it is not drawn where no row is usable.

    def usable(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows

    def notes(self, rows: pd.DataFrame) -> list[str]:
        """What a reader would miss of all rows of the page, and why."""
        return []

    def height(self, rows: pd.DataFrame) -> float:
        """Of each panel in inches, with ticks, without a title."""
        return 1.75

    def headline(self, rows: pd.DataFrame) -> str:
        """What the rows show, in one sentence computed from them."""
        raise NotImplementedError

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis, every: pd.DataFrame) -> None:
        """Draws a panel of these rows; `every` holds those of all panels."""
        raise NotImplementedError

    def handles(self, rows: pd.DataFrame) -> list:
        """The entries of the legend, with their labels."""
        raise NotImplementedError


def draw(page: Page, chart: Chart) -> Figure | None:
    """The chart of a page, or None when none of the page's rows carries what it shows."""
    grid = usable_grid(page, chart)
    if not grid:
        return None
    every = rows_of(grid)
    figure = Figure(layout="constrained")
    height = draw_panels(figure, grid, chart, every)
    # Where the claim allows no verdict there is no finding: it would be about speed.
    claim = claim_text(page.claim, every["backend"])
    head = claim if page.no_verdict else chart.headline(every)
    key = chart.key.format(reference=reference_of(every))
    foot = [key, *caption_of(every, page.claim), *chart.notes(rows_of(page.grid)), *page.notes]
    title = write_texts(figure, head, foot, chart.handles(every), height)
    title.set_color(WARNING if page.no_verdict else INK)
    return figure


def draw_panels(figure: Figure, grid: Grid, chart: Chart, every: pd.DataFrame) -> float:
    """Answers the height that the panels need, in inches."""
    axis = chart.axis(set(every["tokens"]))
    columns = len(grid[0])
    titles = [0] * len(grid)  # Lines of the longest in each row.
    axes = figure.subplots(len(grid), columns, sharey=True, squeeze=False)
    for (row, column), ax in np.ndenumerate(axes):
        panel = panel_at(grid, row, column)
        if panel is None:
            ax.remove()
            continue
        ax.set_label(panel.label)
        title = wrap(panel.label, PANEL_LETTERS[columns])
        titles[row] = max(titles[row], len(title))
        ax.set_title("\n".join(title))
        ax.grid(axis="y")
        here = every[every["panel"] == panel.label]
        axis.set_on(ax, set(here["tokens"]), columns)
        chart.paint(ax, here, axis, every)
        if panel_at(grid, row + 1, column) is None:
            ax.set_xlabel("tokens in one step", color=MUTED)
        if column == 0 or panel_at(grid, row, column - 1) is None:
            ax.set_ylabel(chart.ylabel, color=MUTED)
            ax.tick_params(labelleft=True)
    if chart.log:
        set_log_scale(figure.axes[0])  # All panels share it.
    return len(grid) * chart.height(every) + sum(titles) * TITLE_LINE


def panel_at(grid: Grid, row: int, column: int) -> Panel | None:
    """None where the grid has no panel. Its last row may be shorter than the others."""
    return grid[row][column] if row < len(grid) and column < len(grid[row]) else None


def usable_grid(page: Page, chart: Chart) -> Grid:
    """The page's panels with only the rows that the chart can show."""

    def usable(panel: Panel | None) -> Panel | None:
        rows = chart.usable(panel.rows) if panel else None
        return None if rows is None or rows.empty else replace(panel, rows=rows)

    grid = [[usable(panel) for panel in row] for row in page.grid]
    return [row for row in grid if any(row)]


def rows_of(grid: Grid) -> pd.DataFrame:
    return pd.concat([panel.rows.assign(panel=panel.label)
                      for row in grid for panel in row if panel])


def write_texts(
    figure: Figure, head: str, foot: Sequence[str], handles: Sequence, height: float
) -> Text:
    """Writes what stands around panels that take this height together; answers the head."""
    head_lines = wrap(head, HEAD_LETTERS)
    foot_lines = [line for text in foot for line in wrap(text, FOOT_LETTERS)]
    caption = len(foot_lines) * FOOT_LINE + EDGE
    legend = math.ceil(len(handles) / 2) * LEGEND_LINE + EDGE
    height += len(head_lines) * HEAD_LINE + legend + caption
    figure.set_size_inches(WIDTH, height)
    below = (legend + caption) / height
    figure.get_layout_engine().set(rect=(0, below, 1, 1 - below))
    figure.legend(
        handles, [label_of(one) for one in handles], loc="lower left", ncols=2, handlelength=3,
        bbox_to_anchor=(0, caption / height), borderaxespad=0)
    figure.text(EDGE / WIDTH, caption / height, "\n".join(foot_lines), va="top", color=MUTED,
                fontsize=FOOT_SIZE)
    return figure.suptitle("\n".join(head_lines), x=EDGE / WIDTH, ha="left")


def label_of(handle: Artist | tuple[Artist, ...]) -> str:
    """Of a tuple, whose artists lie on each other, the label of the first."""
    return (handle[0] if isinstance(handle, tuple) else handle).get_label()

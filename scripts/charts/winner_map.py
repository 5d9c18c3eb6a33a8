"""The winner map: which strategy has the fastest output step at which tokens, setting and load."""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from charts.axes import TICK_SIZE, TokenAxis, cell_axis
from charts.caption import reference_of
from charts.figure import Chart
from charts.format import ratio_text, wrap
from charts.style import INK, ink_on, paler, style_of
from charts.winners import fastest, winner_counts, winners_text
from winner import UNRESOLVED

CELL_HEIGHT = 0.45  # Inches.
PLACE_LETTERS = 24  # In a line of a tick.
WIDEST = 11  # Cells beside each other whose numbers are as large as the ticks.


class WinnerMap(Chart):
    """Of pages of make_maps."""

    name, ylabel, log = "winner_map", "", False
    key = (
        "A cell has the colour and the mark of the strategy with the shortest output step (median);"
        " the number is its speed-up over {reference}, 1 where it is that one. Pale, hatched,"
        " ~: the 95 % interval of the speed-up is not above 1 (or there is none), not resolved. *:"
        " the interval of another strategy reaches the winner's, they may be tied. The legend"
        " counts the cells, pale ones too. Blank: no time."
    )
    axis = staticmethod(cell_axis)

    def height(self, rows: pd.DataFrame) -> float:
        lines = [len(wrap(place, PLACE_LETTERS)) for place in rows["place"].unique()]
        return len(lines) * max(CELL_HEIGHT, 0.18 * max(lines)) + 0.4

    def headline(self, rows: pd.DataFrame) -> str:
        return winners_text(fastest(rows, "place"), reference_of(rows))

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis, every: pd.DataFrame) -> None:
        places = list(rows["place"].unique())
        ax.grid(visible=False)
        ax.set_yticks(
            range(len(places)), ["\n".join(wrap(place, PLACE_LETTERS)) for place in places])
        ax.set_ylim(len(places) - 0.5, -0.5)  # The first one on top.
        ax.tick_params(length=0)
        size = TICK_SIZE * min(1, WIDEST / len(axis.at))
        for cell in fastest(rows, "place").itertuples():
            draw_cell(ax, axis.at[cell.tokens], places.index(cell.place), cell, size)

    def handles(self, rows: pd.DataFrame) -> list[tuple[Patch, Line2D]]:
        return [entry(*both) for both in winner_counts(fastest(rows, "place")).items()]


def draw_cell(ax: Axes, x: float, y: float, cell: tuple, size: float) -> None:
    """The mark below the number tells colours apart that are alike to some eyes or on paper."""
    style = style_of(cell.winner)
    pale = cell.kind == UNRESOLVED
    face = paler(style.fill, 0.3) if pale else style.fill
    ax.add_patch(Rectangle(
        (x - 0.5, y - 0.5), 1, 1, facecolor=face, edgecolor="white", linewidth=1.5,
        hatch="///" if pale else None, zorder=1,
    ))
    ax.text(x, y - 0.15, cell_text(cell), color=ink_on(face), fontsize=size, ha="center",
            va="center", zorder=3)
    ax.plot([x], [y + 0.27], style.marker, color=ink_on(face), markersize=4.5, zorder=3)


def cell_text(cell: tuple) -> str:
    if cell.baseline:
        text = "1"
    else:
        text = "" if math.isnan(cell.speedup) else ratio_text(cell.speedup).rstrip("×")
    return f"~{text}" if cell.kind == UNRESOLVED else text + "*" * cell.tied


def entry(strategy: str, count: int) -> tuple[Patch, Line2D]:
    """Of the legend: a cell of the strategy, and in how many it is the fastest."""
    style = style_of(strategy)
    return (
        Patch(facecolor=style.fill, edgecolor=INK, lw=0.5, label=f"{strategy} {count}"),
        Line2D([], [], linestyle="", marker=style.marker, color=ink_on(style.fill), markersize=5),
    )

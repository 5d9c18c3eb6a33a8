"""The winner map: which strategy has the fastest output step, over the tokens and a second axis."""

import math
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from charts.axes import TICK_SIZE, TokenAxis, cell_axis
from charts.caption import reference_of
from charts.figure import Chart
from charts.figures import Page
from charts.format import ratio_text, wrap
from charts.style import INK, MUTED, ink_on, paler, style_of
from charts.winners import EMPTY, winner_counts, winners_text
from setting_names import natural
from winner import UNRESOLVED

CELL_HEIGHT = 0.45  # Inches.
PLACE_LETTERS = 18  # In a line of a tick of the second axis.
WIDEST = 11  # Cells beside each other whose numbers are as large as the ticks.


@dataclass(frozen=True)
class WinnerMap(Chart):
    """The chart of one page, whose panels stand below each other. ylabel: of the second axis;
    cells: by the label of the panel, see winner_cells."""

    page: Page
    ylabel: str
    tokens: list[int]
    places: list[str]
    cells: dict[str, pd.DataFrame]

    name, log = "winner_map", False
    key = (
        "A cell has the colour and the mark of the strategy with the shortest output step (median);"
        " the number is its speed-up over {reference}, 1 where that is {reference}. Pale, hatched,"
        " ~: the 95 % interval of the speed-up is not above 1 (or there is none), not resolved. *:"
        " the interval of another strategy reaches the winner's, they may be tied. The legend counts"
        " the cells, pale ones too. Blank: not in these rows."
    )

    @property
    def all_cells(self) -> pd.DataFrame:
        return pd.concat(self.cells.values())

    @property
    def reasons(self) -> list[str]:
        """Why cells have no time; their numbers in the map are places in this list, from 1."""
        return sorted(set(self.all_cells["why"].dropna()), key=natural)

    @property
    def panel_height(self) -> float:
        return sum(max(CELL_HEIGHT, 0.2 * text.count("\n") + 0.2) for text in self.ticks()) + 0.4

    def axis(self, tokens: set[int]) -> TokenAxis:
        """Also of the tokens of cells without a time."""
        return cell_axis(set(self.tokens))

    def ticks(self) -> list[str]:
        return ["\n".join(wrap(place, PLACE_LETTERS)) for place in self.places]

    def notes(self, rows: pd.DataFrame) -> list[str]:
        return [f"[{number}] no time: {why}" for number, why in enumerate(self.reasons, 1)]

    def headline(self, rows: pd.DataFrame) -> str:
        return winners_text(self.all_cells, reference_of(rows))

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis, every: pd.DataFrame) -> None:
        ax.grid(visible=False)
        axis.set_on(ax, self.tokens, 1)
        ax.set_yticks(range(len(self.places)), self.ticks())
        ax.set_ylim(len(self.places) - 0.5, -0.5)  # The first one on top.
        ax.tick_params(length=0)
        size = TICK_SIZE * min(1, WIDEST / len(self.tokens))
        for cell in self.cells[rows["panel"].iloc[0]].itertuples():
            x, y = axis.at[cell.tokens], self.places.index(cell.place)
            if cell.kind == EMPTY:
                write(ax, x, y, f"[{self.reasons.index(cell.why) + 1}]", MUTED, size)
            else:
                draw_cell(ax, x, y, cell, size)

    def handles(self, rows: pd.DataFrame) -> list[tuple[Patch, Line2D]]:
        return [entry(*both) for both in winner_counts(self.all_cells).items()]


def draw_cell(ax: Axes, x: float, y: float, cell: tuple, size: float) -> None:
    """The mark below the number tells colours apart that are alike to some eyes or on paper."""
    style = style_of(cell.winner)
    pale = cell.kind == UNRESOLVED
    face = paler(style.fill, 0.3) if pale else style.fill
    ax.add_patch(Rectangle(
        (x - 0.5, y - 0.5), 1, 1, facecolor=face, edgecolor="white", linewidth=1.5,
        hatch="///" if pale else None, zorder=1,
    ))
    write(ax, x, y - 0.15, cell_text(cell), ink_on(face), size)
    ax.plot([x], [y + 0.27], style.marker, color=ink_on(face), markersize=4.5, zorder=3)


def write(ax: Axes, x: float, y: float, text: str, ink: str, size: float) -> None:
    ax.text(x, y, text, color=ink, fontsize=size, ha="center", va="center", zorder=3)


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

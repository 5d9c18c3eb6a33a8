"""The winner map: which strategy has the fastest output step, over the tokens and a second axis."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator
from matplotlib.transforms import ScaledTranslation

from charts.captions import Caption, panels_text
from charts.chart import Chart
from charts.figure import figure_of, lay_out, texts_of
from charts.figures import Panel
from charts.format import ratio_text
from charts.layout import LABEL_GAP, LABEL_SIZE, LINE, PANEL_WIDTH, PanelSize, text_width, wrap
from charts.style import INK, MUTED, style_of
from charts.token_axis import TokenAxis, cell_axis, readable_ticks
from charts.winners import (
    EMPTY, Map, doubts_text, timed_cells, winner_counts, winners_text,
)
from setting_names import natural
from winner import UNRESOLVED

CELL_WIDTH, CELL_HEIGHT = 30, 30
TICK_WIDTH, TICK_ROOM = 130, 30  # A tick label is wrapped at; what of it every panel has room for.
TICK_SIZE = 8
MARKER_ROOM = 18  # Between the axes and the names in the legend.
CENTRED = {"ha": "center", "va": "center"}


class WinnerMap(Chart):
    name = "winner_map"
    key = (
        "A cell has the colour and the mark of the strategy with the shortest output step (median);"
        " the number is its speed-up over {reference}, 1 where that is {reference}."
        " Pale, hatched, ~: the 95 % interval of the speed-up is not above 1 (or there is none),"
        " not resolved. *: the interval of another strategy reaches the winner's, they may be tied."
        " The legend counts the cells, pale ones too. Blank: not in these rows."
    )

    def caption(self, rows: pd.DataFrame) -> Caption:
        return Caption(winners_text(timed_cells(rows)), ())

    def legend(self, rows: pd.DataFrame) -> str:
        return doubts_text(timed_cells(rows))

    def headline(self, panels: Sequence[Panel], captions: Sequence[Caption]) -> tuple[str, bool]:
        """Counts add up over the panels, so there is always a common headline."""
        cells = pd.concat(timed_cells(panel.rows) for panel in panels)
        where = panels_text([panel.label for panel in panels])
        return f"{winners_text(cells)} ({where})", len(panels) == 1


CHART = WinnerMap()


def draw_map(one: Map) -> Figure:
    panels = [panel for row in one.page.grid for panel in row if panel]
    figure, axes = figure_of(panels)
    axis = cell_axis(set(one.tokens))
    ticks = ["\n".join(wrap(place, TICK_WIDTH, TICK_SIZE)) for place in one.places]
    size = map_size(one, ticks)
    numbers = why_numbers(one.cells.values())
    notes = [f"[{number}] no time: {why}" for why, number in numbers.items()]
    page = replace(one.page, notes=[*notes, *one.page.notes])

    def finish(ax: Axes, panel: Panel, first: bool) -> None:
        set_cell_axes(ax, axis, ticks, size.width)
        ax.set_xlabel(axis.title, color=MUTED)
        if first:
            ax.set_ylabel(one.title, color=MUTED)
        for cell in one.cells[panel.label].itertuples():
            x, y = axis.at[cell.tokens], one.places.index(cell.place)
            if cell.kind == EMPTY:
                ax.text(x, y, f"[{numbers[cell.why]}]", color=MUTED, fontsize=7, **CENTRED)
            else:
                draw_cell(ax, x, y, cell)
        write_legend(ax, winner_counts(one.cells[panel.label]), size)

    lay_out(figure, one.page.grid, axes, size, texts_of(page, CHART, panels, size), finish)
    return figure


def map_size(one: Map, ticks: list[str]) -> PanelSize:
    """Cells large enough for what is written in them, panels for their ticks and legends."""
    lines = [line for tick in ticks for line in tick.split("\n")]
    legends = [winner_counts(cells) for cells in one.cells.values()]
    entries = [legend_text(*entry) for legend in legends for entry in legend.items()]
    columns = len(one.page.grid[0])
    highest = max(CELL_HEIGHT, LINE * TICK_SIZE * max(tick.count("\n") + 1 for tick in ticks))
    return PanelSize(
        columns,
        width=max(PANEL_WIDTH[columns], len(one.tokens) * CELL_WIDTH),
        height=max(len(one.places) * highest, LABEL_GAP * max(map(len, legends))),
        labels=MARKER_ROOM + max(text_width(entry, LABEL_SIZE) for entry in entries),
        ticks=max(0, max(text_width(line, TICK_SIZE) for line in lines) - TICK_ROOM),
    )


def why_numbers(tables: Iterable[pd.DataFrame]) -> dict[str, int]:
    """The reasons of empty cells, numbered for the notes below the figure."""
    reasons = {why for cells in tables for why in cells["why"].dropna()}
    return {why: number for number, why in enumerate(sorted(reasons, key=natural), 1)}


def set_cell_axes(ax: Axes, axis: TokenAxis, ticks: list[str], width: float) -> None:
    ax.set_xlim(axis.limits)
    ax.set_ylim(len(ticks) - 0.5, -0.5)  # The first one on top.
    shown = readable_ticks(axis, width)
    ax.xaxis.set_major_locator(FixedLocator([axis.at[tokens] for tokens in shown]))
    ax.set_xticklabels([str(tokens) for tokens in shown])
    ax.yaxis.set_major_locator(FixedLocator(range(len(ticks))))
    ax.set_yticklabels(ticks)
    ax.tick_params(length=0, labelsize=TICK_SIZE)


def draw_cell(ax: Axes, x: float, y: float, cell: tuple) -> None:
    """The mark below the number tells colours apart that are alike to some eyes or on paper."""
    style = style_of(cell.winner)
    pale = cell.kind == UNRESOLVED
    face = mixed(style.fill, 0.3) if pale else style.fill
    ink = "white" if sum(to_rgb(face)) < 1.45 else INK
    ax.add_patch(Rectangle(
        (x - 0.5, y - 0.5), 1, 1, facecolor=face, edgecolor="white", linewidth=1.5,
        hatch="///" if pale else None, zorder=1,
    ))
    below = {"xy": (x, y), "textcoords": "offset points", "zorder": 3}
    ax.annotate(cell_text(cell), xytext=(0, 5), color=ink, fontsize=7.5, **below, **CENTRED)
    ax.plot(
        [x], [y], style.marker, color=ink, markersize=3.5, zorder=3,
        transform=ax.transData + ScaledTranslation(0, -6 / 72, ax.figure.dpi_scale_trans),
    )


def cell_text(cell: tuple) -> str:
    if cell.baseline:
        text = "1"
    else:
        text = "" if math.isnan(cell.speedup) else ratio_text(cell.speedup).rstrip("×")
    return f"~{text}" if cell.kind == UNRESOLVED else text + "*" * cell.tied


def mixed(colour: str, share: float) -> str:
    """The colour with white, of which it is this share."""
    return to_hex([1 - share * (1 - part) for part in to_rgb(colour)])


def legend_text(strategy: str, count: int) -> str:
    return f"{strategy} {count}"


def write_legend(ax: Axes, counts: dict[str, int], size: PanelSize) -> None:
    """The strategies of this panel and in how many of its cells they are the fastest."""
    for place, (strategy, count) in enumerate(counts.items()):
        at = 1 - (place + 0.5) * LABEL_GAP / size.height
        style = style_of(strategy)
        ax.add_line(Line2D(
            [1 + 10 / size.width], [at], marker=style.marker, markersize=6, color=style.fill,
            markeredgecolor=INK, markeredgewidth=0.5, transform=ax.transAxes, clip_on=False,
        ))
        ax.text(
            1 + MARKER_ROOM / size.width, at, legend_text(strategy, count),
            transform=ax.transAxes, fontsize=LABEL_SIZE, color=INK, va="center_baseline",
        )

"""One figure: its head, its panels with their titles, its foot."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from charts.axes import panel_size, set_axes, write_labels
from charts.chart import Chart
from charts.figures import Page, Panel
from charts.layout import (
    AXIS_LABELS, EDGE, HEAD_GAP, LABEL_SIZE, LEFT, NOTE_SIZE, PANEL_GAP, PANEL_SIZE,
    SUBTITLE_SIZE, TITLE_SIZE, Block, PanelSize, Sheet, wrapped,
)
from charts.style import INK, MUTED, WARNING
from charts.subtitle import claim_text, reference_of, subtitle_of
from charts.token_axis import panel_axes


@dataclass(frozen=True)
class Texts:
    head: list[Block]
    titles: dict[str, list[Block]]  # By the label of the panel.
    foot: list[Block]

    def title_height(self, row: list[Panel | None]) -> float:
        titles = [self.titles[panel.label] for panel in row if panel]
        return max(sum(block.height for block in title) for title in titles)


def draw(page: Page, chart: Chart) -> Figure | None:
    """The chart of a page, or None when none of the page's rows carries what it shows."""
    grid = usable_grid(page, chart)
    if not grid:
        return None
    panels = [panel for row in grid for panel in row if panel]
    figure, axes = figure_of(panels)
    common = chart.axis({tokens for panel in panels for tokens in panel.rows["tokens"]})
    axis = panel_axes(common, {panel.label: set(panel.rows["tokens"]) for panel in panels})
    painted = {
        panel.label: chart.paint(axes[panel.label], panel.rows, axis[panel.label])
        for panel in panels
    }

    size = panel_size(len(grid[0]), painted.values())
    limits = min(part.low for part in painted.values()), max(part.high for part in painted.values())

    reference = reference_of(pd.concat([panel.rows for panel in panels]))

    def finish(ax: Axes, panel: Panel, first: bool) -> None:
        set_axes(ax, axis[panel.label], chart, limits, size.width)
        ax.set_xlabel(common.title, color=MUTED)
        if first:
            ax.set_ylabel(chart.ylabel.format(reference=reference), color=MUTED)
        write_labels(ax, painted[panel.label].labels, size)

    lay_out(figure, grid, axes, size, texts_of(page, chart, panels, size), finish)
    return figure


def figure_of(panels: list[Panel]) -> tuple[Figure, dict[str, Axes]]:
    """A figure with axes for each panel, by its label; where they stand is settled by lay_out."""
    figure = Figure(facecolor="white")
    return figure, {
        panel.label: figure.add_axes((0, 0, 1, 1), label=panel.label) for panel in panels
    }


def lay_out(
    figure: Figure, grid: list[list[Panel | None]], axes: dict[str, Axes], size: PanelSize,
    texts: Texts, finish: Callable[[Axes, Panel, bool], None],
) -> None:
    """Writes the texts and places the axes. finish is called for each axes in its place, and told
    whether it is the first of its row."""
    sheet = Sheet(figure, LEFT + size.room + EDGE, figure_height(grid, size, texts))
    sheet.write(texts.head)
    top = sheet.y - HEAD_GAP
    for row in grid:
        for column, panel in enumerate(row):
            if panel is None:
                continue
            ax, x = axes[panel.label], size.left(column)
            sheet.y = top
            sheet.write(texts.titles[panel.label], x)
            sheet.y = top - texts.title_height(row) - PANEL_GAP
            sheet.place(ax, x, size)
            finish(ax, panel, column == 0 or row[column - 1] is None)
        top = sheet.y - AXIS_LABELS
    sheet.y = top
    sheet.write(texts.foot)


def figure_height(grid: list[list[Panel | None]], size: PanelSize, texts: Texts) -> float:
    height = 2 * EDGE + HEAD_GAP + sum(block.height for block in (*texts.head, *texts.foot))
    for row in grid:
        height += texts.title_height(row) + PANEL_GAP + size.height + AXIS_LABELS
    return height


def usable_grid(page: Page, chart: Chart) -> list[list[Panel | None]]:
    """The page's panels with only the rows that the chart can show."""

    def usable(panel: Panel | None) -> Panel | None:
        rows = chart.usable(panel.rows) if panel else None
        return None if rows is None or rows.empty else replace(panel, rows=rows)

    grid = [[usable(panel) for panel in row] for row in page.grid]
    return [row for row in grid if any(row)]


def texts_of(page: Page, chart: Chart, panels: list[Panel], size: PanelSize) -> Texts:
    """Rows whose claim allows no verdict get no caption: it would be about speed."""
    rows = pd.concat([panel.rows for panel in panels])
    captions = [chart.caption(panel.rows) for panel in panels]
    if page.no_verdict:
        headline, complete = claim_text(page.claim, rows["backend"]), True
    else:
        headline, complete = chart.headline(panels, captions)
    colour = WARNING if page.no_verdict else INK
    head = [wrapped(headline, size.room, TITLE_SIZE, colour=colour, weight="bold")]
    head += [wrapped(line, size.room, SUBTITLE_SIZE, colour=MUTED) for line in subtitle_of(rows)]
    if not page.no_verdict:
        colour = WARNING if page.claim == "memory" else MUTED
        head.append(Block([claim_text(page.claim, rows["backend"])], SUBTITLE_SIZE, colour, "bold"))

    width = size.width + size.labels
    titles = {}
    for panel, caption in zip(panels, captions):
        below = ["" if complete else caption.text, chart.legend(panel.rows)]
        title = [wrapped(panel.label, width, PANEL_SIZE, weight="bold")]
        titles[panel.label] = title + [wrapped(text, width, LABEL_SIZE) for text in below]
    every = pd.concat([panel.rows for row in page.grid for panel in row if panel])
    key = chart.key.format(reference=reference_of(rows))
    notes = filter(None, [key, chart.left_out(every), *page.notes])
    foot = [wrapped(note, size.room, NOTE_SIZE, colour=MUTED) for note in notes]
    return Texts(head, titles, foot)

"""Measured text and places on a figure, in points."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from charts.style import INK

PANEL_WIDTH = {1: 430, 2: 310, 3: 265}
PANEL_HEIGHT = 215
LEFT, EDGE = 56, 12  # Left of the panels: tick labels and the axis label.
HEAD_GAP, PANEL_GAP = 8, 4  # Below the head of the figure; between a panel and its title.
AXIS_LABELS, BETWEEN = 42, 40  # Below a panel; between two panels, for tick labels.
TITLE_SIZE, SUBTITLE_SIZE, PANEL_SIZE, LABEL_SIZE, NOTE_SIZE = 13, 8.5, 9.5, 8, 7.5
LABEL_GAP = 1.28 * LABEL_SIZE
LINE = 1.35


@lru_cache(maxsize=1 << 16)  # A millisecond each, and figures of a set share most texts.
def text_width(text: str, size: float, weight: str = "normal") -> float:
    font = FontProperties(size=size, weight=weight)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]


def wrap(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Breaks between words; only a word wider than a line, such as a path, is broken itself."""
    characters = max(10, int(width / text_width("n", size, weight)))
    words = [part for word in text.split() for part in textwrap.wrap(word, characters)]
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def push_apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places nearest to the wanted ones (least squares) in [low, high], at least gap apart."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    # With i*gap taken off, "gap apart" is "not falling": pool the neighbours that fall.
    pools: list[list[float]] = []
    for place, i in enumerate(order):
        pools.append([wanted[i] - place * gap])
        while len(pools) > 1 and fmean(pools[-2]) > fmean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    free = [fmean(pool) for pool in pools for _ in pool]
    top = max(low, high - (len(wanted) - 1) * gap)
    placed = [0.0] * len(wanted)
    for place, i in enumerate(order):
        placed[i] = min(max(free[place], low), top) + place * gap
    return placed


@dataclass(frozen=True)
class PanelSize:
    """All panels of a figure are of one size. labels: the room for labels right of the axes;
    ticks: the room left of them that tick labels take beyond what every panel has."""

    columns: int
    width: float
    height: float
    labels: float
    ticks: float = 0.0

    def left(self, column: int) -> float:
        return LEFT + self.ticks + column * (self.ticks + self.width + self.labels + BETWEEN)

    @property
    def room(self) -> float:
        """From the left edge of the first panel to the right edge of the last labels."""
        return self.left(self.columns) - self.ticks - BETWEEN - LEFT


@dataclass(frozen=True)
class Block:
    """Lines of text of one size; heights and sizes in points."""

    lines: list[str]
    size: float
    colour: str = INK
    weight: str = "normal"

    @property
    def height(self) -> float:
        return LINE * self.size * len(self.lines)


def wrapped(text: str, width: float, size: float, **style: str) -> Block:
    return Block(wrap(text, width, size, style.get("weight", "normal")), size, **style)


class Sheet:
    """A figure that is filled from the top. y is the lower edge of what is filled, in points."""

    def __init__(self, figure: Figure, width: float, height: float):
        self.figure, self.width, self.height, self.y = figure, width, height, height - EDGE
        figure.set_size_inches(width / 72, height / 72)

    def write(self, blocks: Sequence[Block], x: float = LEFT) -> None:
        for block in blocks:
            for line in block.lines:
                self.y -= LINE * block.size
                self.figure.text(
                    x / self.width, (self.y + 0.3 * block.size) / self.height, line,
                    fontsize=block.size, color=block.colour, weight=block.weight, va="baseline",
                )

    def place(self, ax: Axes, x: float, size: PanelSize) -> None:
        """Puts the axes with their upper edge at y."""
        self.y -= size.height
        ax.set_position((
            x / self.width, self.y / self.height,
            size.width / self.width, size.height / self.height,
        ))

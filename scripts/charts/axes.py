"""The axes of one panel: ticks, limits and the labels at the line ends."""

import math
from collections.abc import Collection, Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from charts.chart import Chart, EndLabel, Painted
from charts.layout import (
    LABEL_GAP, LABEL_SIZE, PANEL_HEIGHT, PANEL_WIDTH, PanelSize, push_apart, text_width,
)
from charts.style import INK
from charts.token_axis import TokenAxis, readable_ticks


def panel_size(columns: int, painted: Collection[Painted]) -> PanelSize:
    widest = max(text_width(label.text, LABEL_SIZE) for part in painted for label in part.labels)
    most = max(len(part.labels) for part in painted)
    height = max(PANEL_HEIGHT, most * LABEL_GAP)
    return PanelSize(columns, PANEL_WIDTH[columns], height, widest + 20)


def set_axes(
    ax: Axes, axis: TokenAxis, chart: Chart, limits: tuple[float, float], width: float
) -> None:
    if chart.log:
        ax.set_yscale("log")
    ax.set_ylim(limits)
    ax.set_xlim(axis.limits)
    ticks = nice_ticks(*limits, chart.log)
    ax.yaxis.set_major_locator(FixedLocator(ticks))
    ax.set_yticklabels([f"{tick:.6g}" for tick in ticks])
    ax.yaxis.set_minor_locator(NullLocator())
    ax.grid(axis="y", color="#E8E8E8", linewidth=0.6)
    ax.set_axisbelow(True)
    shown = readable_ticks(axis, width)
    ax.xaxis.set_major_locator(FixedLocator([axis.at[tokens] for tokens in shown]))
    ax.set_xticklabels([str(tokens) for tokens in shown])
    ax.tick_params(length=3, color="#888888", labelsize=8)


def nice_ticks(low: float, high: float, log: bool, most: int = 9) -> list[float]:
    if not log or high / low < 4:
        steps = (digit * 10.0**power for power in range(-4, 7) for digit in (1, 2, 5))
        step = next(step for step in steps if (high - low) / step <= most)
        return [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [digit * 10.0**power for power in powers for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= most:
            break
    return ticks


def write_labels(ax: Axes, labels: Sequence[EndLabel], size: PanelSize) -> None:
    width, height = size.width, size.height
    to_panel = ax.transData + ax.transAxes.inverted()
    ends = [to_panel.transform((label.x, label.y)) for label in labels]
    places = push_apart([end[1] * height for end in ends], LABEL_GAP, 0, height - 4)
    for label, (x, y), place in zip(labels, ends, places):
        marker_at = 1 + 12 / width
        at = place / height
        line = {"color": label.style.colour, "transform": ax.transAxes, "clip_on": False}
        ax.add_line(Line2D([x, 1, marker_at], [y, at, at], linewidth=0.5, alpha=0.8, **line))
        ax.add_line(Line2D([marker_at], [at], marker=label.style.marker, markersize=4.5, **line))
        ax.text(
            1 + 18 / width, at, label.text, transform=ax.transAxes, fontsize=LABEL_SIZE,
            color=INK, va="center_baseline",
        )

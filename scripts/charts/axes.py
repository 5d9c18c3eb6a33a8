"""The axes of a panel: where the token counts stand, and ticks that do not touch."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

TICK_SIZE = 10
DIGIT = 0.015  # Width of one digit of a tick, as a share of the figure's.


@dataclass(frozen=True)
class TokenAxis:
    at: dict[int, float]  # Positions of the token counts, ascending.
    limits: tuple[float, float]

    def set_on(self, ax: Axes, tokens: Iterable[int], columns: int) -> None:
        """Ticks at these counts, as far as their numbers do not touch where a figure has so many
        columns. Limits are common to all panels, counts are a panel's own."""
        low, high = self.limits
        shown: list[int] = []
        for count in sorted(tokens, reverse=True):
            digits = (len(str(count)) + len(str(shown[-1]))) / 2 + 1 if shown else 0
            if not shown or self.at[shown[-1]] - self.at[count] > (
                    digits * DIGIT * columns * (high - low)):
                shown.append(count)
        ax.set_xlim(low, high)
        shown.reverse()
        ax.set_xticks([self.at[count] for count in shown], list(map(str, shown)))
        ax.tick_params(length=3, labelsize=TICK_SIZE)


def log_axis(tokens: set[int]) -> TokenAxis:
    """Zero tokens, which have no logarithm, stand one step left of the smallest count."""
    zero = math.log2(min(tokens - {0}, default=2)) - 1
    at = {count: math.log2(count) if count else zero for count in sorted(tokens)}
    steps = [right - left for left, right in pairwise(at.values())]
    return with_room(at, max(0.35 * min(steps), 0.04 * sum(steps)) if steps else 1.0)


def bar_axis(tokens: set[int]) -> TokenAxis:
    """Equal steps; at least three of them wide, so that a few bars stay slim."""
    return with_room(steps_of(tokens), max(0.55, 1.5 - len(tokens) / 2))


def cell_axis(tokens: set[int]) -> TokenAxis:
    """Cells one wide that touch."""
    return with_room(steps_of(tokens), 0.5)


def steps_of(tokens: set[int]) -> dict[int, float]:
    return {count: float(place) for place, count in enumerate(sorted(tokens))}


def with_room(at: dict[int, float], room: float) -> TokenAxis:
    return TokenAxis(at, (min(at.values()) - room, max(at.values()) + room))


def set_log_scale(ax: Axes) -> None:
    """Of an axis on which all is drawn: about seven ticks with plain numbers."""
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    steps = next(steps for span, steps in (
        (5, (1, 1.2, 1.5, 2, 3, 4, 5, 6, 8)), (20, (1, 1.5, 2, 3, 5, 7)), (100, (1, 2, 5)),
        (1000, (1, 3)), (math.inf, (1,)),
    ) if high / low <= span)
    ax.yaxis.set_major_locator(LogLocator(subs=steps) if high / low > 1.5 else MaxNLocator(5))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:.6g}"))

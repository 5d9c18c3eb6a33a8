"""Where the token counts stand on the horizontal axis."""

import math
from dataclasses import dataclass
from itertools import pairwise

from charts.layout import text_width


@dataclass(frozen=True)
class TokenAxis:
    title: str
    at: dict[int, float]  # Positions of the token counts, ascending.
    step: float  # The smallest distance between two of them.
    pad: float  # Free room left and right of them.

    @property
    def tokens(self) -> list[int]:
        return list(self.at)

    @property
    def limits(self) -> tuple[float, float]:
        return min(self.at.values()) - self.pad, max(self.at.values()) + self.pad


def log_axis(tokens: set[int]) -> TokenAxis:
    """Zero tokens, which have no logarithm, stand one step left of the smallest count."""
    zero = math.log2(min(tokens - {0}, default=2)) - 1
    at = {count: math.log2(count) if count else zero for count in sorted(tokens)}
    steps = [right - left for left, right in pairwise(at.values())]
    step = min(steps, default=1.0)
    pad = max(0.35 * step, 0.04 * sum(steps)) if steps else 1.0
    return TokenAxis("tokens in one step, all DP ranks (log2 scale)", at, step, pad)


def bar_axis(tokens: set[int]) -> TokenAxis:
    """Equal steps; at least three of them wide, so that a few bars stay slim."""
    at = {count: float(place) for place, count in enumerate(sorted(tokens))}
    return TokenAxis("tokens in one step, all DP ranks", at, 1.0, max(0.55, 1.5 - len(at) / 2))


def cell_axis(tokens: set[int]) -> TokenAxis:
    """Cells one wide that touch."""
    at = {count: float(place) for place, count in enumerate(sorted(tokens))}
    return TokenAxis("tokens in one step, all DP ranks", at, 1.0, 0.5)


def readable_ticks(axis: TokenAxis, width: float) -> list[int]:
    """From the right, the token counts whose numbers do not touch."""
    shown: list[int] = []
    edge = math.inf
    low, high = axis.limits
    for tokens in reversed(axis.tokens):
        middle = (axis.at[tokens] - low) / (high - low) * width
        half = text_width(str(tokens), 8) / 2
        if middle + half <= edge:
            shown.append(tokens)
            edge = middle - half - 5
    return shown[::-1]

"""Where the token counts stand on the horizontal axis."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from charts.layout import text_width

# Free room left and right of the counts, as shares of the range and of the smallest step.
PAD, STEP_PAD = 0.04, 0.35


@dataclass(frozen=True)
class TokenAxis:
    title: str
    at: dict[int, float]  # Positions of the token counts, ascending.
    limits: tuple[float, float]

    @property
    def tokens(self) -> list[int]:
        return list(self.at)


def panel_axes(common: TokenAxis, panels: Mapping[str, set[int]]) -> dict[str, TokenAxis]:
    """The axis of each panel, by its label: positions and limits are common, counts are its own.
    Loads whose numbers of tokens are nearly alike are thus no crowd."""
    return {
        label: replace(
            common, at={count: place for count, place in common.at.items() if count in tokens})
        for label, tokens in panels.items()
    }


def distances(at: dict[int, float]) -> list[float]:
    return [right - left for left, right in pairwise(at.values())]


def limits_of(at: dict[int, float], pad: float) -> tuple[float, float]:
    """With free room left and right of the counts."""
    return min(at.values()) - pad, max(at.values()) + pad


def log_axis(tokens: set[int]) -> TokenAxis:
    """Zero tokens, which have no logarithm, stand one step left of the smallest count."""
    zero = math.log2(min(tokens - {0}, default=2)) - 1
    at = {count: math.log2(count) if count else zero for count in sorted(tokens)}
    steps = distances(at)
    pad = max(STEP_PAD * min(steps), PAD * sum(steps)) if steps else 1.0
    return TokenAxis("tokens in one step, all DP ranks (log2 scale)", at, limits_of(at, pad))


def bar_axis(tokens: set[int]) -> TokenAxis:
    """Equal steps; at least three of them wide, so that a few bars stay slim."""
    at = {count: float(place) for place, count in enumerate(sorted(tokens))}
    limits = limits_of(at, max(0.55, 1.5 - len(at) / 2))
    return TokenAxis("tokens in one step, all DP ranks", at, limits)


def cell_axis(tokens: set[int]) -> TokenAxis:
    """Cells one wide that touch."""
    at = {count: float(place) for place, count in enumerate(sorted(tokens))}
    return TokenAxis("tokens in one step, all DP ranks", at, limits_of(at, 0.5))


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

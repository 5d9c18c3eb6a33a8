"""Where the token counts stand on the horizontal axis."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from charts.layout import text_width

PAD = 0.35  # Of a step: lines stand up to 0.2 steps beside their counts.


@dataclass(frozen=True)
class TokenAxis:
    title: str
    at: dict[int, float]  # Positions of the token counts, ascending.
    step: float  # The smallest distance between two of them.
    limits: tuple[float, float]

    @property
    def tokens(self) -> list[int]:
        return list(self.at)


def panel_axes(common: TokenAxis, panels: Mapping[str, set[int]]) -> dict[str, TokenAxis]:
    """The axis of each panel, by its label: positions and limits are common, counts and their
    distances are its own. Loads whose numbers of tokens are nearly alike are thus no crowd."""
    at = {
        label: {count: place for count, place in common.at.items() if count in tokens}
        for label, tokens in panels.items()
    }
    low, high = min(common.at.values()), max(common.at.values())
    widest = max(common.step, (high - low) / 4)
    steps = {label: min([widest, *distances(own)]) for label, own in at.items()}
    room = PAD * max(steps.values())
    limits = min(common.limits[0], low - room), max(common.limits[1], high + room)
    return {
        label: replace(common, at=own, step=steps[label], limits=limits)
        for label, own in at.items()
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
    step = min(steps, default=1.0)
    pad = max(PAD * step, 0.04 * sum(steps)) if steps else 1.0
    return TokenAxis("tokens in one step, all DP ranks (log2 scale)", at, step, limits_of(at, pad))


def bar_axis(tokens: set[int]) -> TokenAxis:
    """Equal steps; at least three of them wide, so that a few bars stay slim."""
    at = {count: float(place) for place, count in enumerate(sorted(tokens))}
    limits = limits_of(at, max(0.55, 1.5 - len(at) / 2))
    return TokenAxis("tokens in one step, all DP ranks", at, 1.0, limits)


def cell_axis(tokens: set[int]) -> TokenAxis:
    """Cells one wide that touch."""
    at = {count: float(place) for place, count in enumerate(sorted(tokens))}
    return TokenAxis("tokens in one step, all DP ranks", at, 1.0, limits_of(at, 0.5))


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

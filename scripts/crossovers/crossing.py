"""Where a series changes between faster and slower, bracketed by measured sizes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from crossovers.series import OPEN, Point

# A crossover is known well enough when the sizes around it are within this factor.
FACTOR = 1.25


@dataclass(frozen=True)
class Span:
    """Neighbouring sizes with the same verdict."""

    verdict: str
    points: list[Point]

    @property
    def first(self) -> int:
        return self.points[0].tokens

    @property
    def last(self) -> int:
        return self.points[-1].tokens


@dataclass(frozen=True)
class Crossing:
    """Between two measured sizes: resolved one way at `below`, the other way at `above`, and not
    resolved at those between."""

    below: Point
    above: Point
    open: list[Point]

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Neighbouring sizes between which the verdict changes, in tokens."""
        points = [self.below, *self.open, self.above]
        pairs = [(lower.tokens, upper.tokens) for lower, upper in pairwise(points)]
        return list(dict.fromkeys((pairs[0], pairs[-1])))

    def next_tokens(self, step: int) -> list[int]:
        """Sizes that halve each gap which is too wide, as multiples of step where there is one."""
        middles = (middle(*gap, step) for gap in self.gaps if gap[1] / gap[0] > FACTOR)
        return [tokens for tokens in middles if tokens is not None]

    def rounds(self, step: int) -> int:
        """Of halving, at most, until no gap is wider than FACTOR."""
        if not self.next_tokens(step):
            return 0
        widest = max(upper / lower for lower, upper in self.gaps)
        return math.ceil(math.log2(math.log(widest) / math.log(FACTOR)))


def middle(lower: int, upper: int, step: int) -> int | None:
    """The multiple of step nearest to the geometric middle; None where none lies between."""
    nearest = step * round(math.sqrt(lower * upper) / step)
    for tokens in (nearest, nearest + step, nearest - step):
        if lower < tokens < upper:
            return tokens
    return None


def spans_of(points: Sequence[Point]) -> list[Span]:
    return [Span(verdict, list(part))
            for verdict, part in groupby(points, key=lambda point: point.verdict)]


def crossings_of(points: Sequence[Point]) -> list[Crossing]:
    found = []
    resolved = [place for place, point in enumerate(points) if point.verdict != OPEN]
    for left, right in pairwise(resolved):
        if points[left].verdict != points[right].verdict:
            found.append(Crossing(points[left], points[right], list(points[left + 1:right])))
    return found


def words_of(points: Sequence[Point]) -> str:
    """All spans in one sentence: "loses at 8-1024, wins from 2048 on"."""
    spans = spans_of(points)
    if len(spans) == 1:
        where = "every size" if len(points) > 1 else f"{points[0].tokens}, the only size"
        return f"{spans[0].verdict} at {where}"
    return ", ".join(f"{span.verdict} {sizes_of(span, span is spans[-1])}" for span in spans)


def sizes_of(span: Span, is_last: bool) -> str:
    if span.first == span.last:
        return f"at {span.first}"
    if is_last and span.verdict != OPEN:
        return f"from {span.first} on"
    return f"at {span.first}-{span.last}"

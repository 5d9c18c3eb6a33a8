"""Crossovers as a table and as JSON, and the sizes that would tell them more exactly."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from crossovers.crossing import FACTOR, Crossing, crossings_of, words_of
from crossovers.series import GROUP, WINS, Series, labels_of
from moe_results import AGAINST, without_nan

NONE = "none in range"


@dataclass(frozen=True)
class Found:
    series: Series
    crossings: list[Crossing]

    @property
    def next_tokens(self) -> list[int]:
        step = self.series.even_step
        return [tokens for crossing in self.crossings for tokens in crossing.next_tokens(step)]

    @property
    def rounds(self) -> int:
        return max((one.rounds(self.series.even_step) for one in self.crossings), default=0)


def find(series: Sequence[Series]) -> list[Found]:
    return [Found(one, crossings_of(one.points)) for one in series]


def next_tokens(found: Sequence[Found]) -> list[int]:
    return sorted({tokens for one in found for tokens in one.next_tokens})


def table_of(found: Sequence[Found]) -> list[str]:
    """A block of lines for each setting and load, a line for each strategy."""
    labels = labels_of(one.series for one in found)
    lines: list[str] = []
    for group, label in labels.items():
        part = [one for one in found if one.series.group == group]
        sizes = [point.tokens for one in part for point in one.series.points]
        launches = {point.launches for one in part for point in one.series.points}
        lines += ["", f"{label} | {range_text(min(sizes), max(sizes))} tokens,"
                      f" {launches_text(launches)}, over {part[0].series.value(AGAINST)}"]
        cells = [(one.series.combine, brackets_text(one.crossings), words_of(one.series.points))
                 for one in part]
        name, bracket = (max(len(cell[place]) for cell in cells) for place in (0, 1))
        lines += [f"  {cell[0]:{name}}  {cell[1]:{bracket}}  {cell[2]}" for cell in cells]
    return lines[1:]


def brackets_text(crossings: Sequence[Crossing]) -> str:
    return "; ".join(map(bracket_text, crossings)) or NONE


def bracket_text(crossing: Crossing) -> str:
    """In tokens; also in rows where those are not as many."""
    below, above = crossing.below, crossing.above
    text = range_text(below.tokens, above.tokens)
    if (below.rows, above.rows) == (below.tokens, above.tokens):
        return text
    return f"{text} ({range_text(below.rows, above.rows)} rows)"


def range_text(first: int, last: int) -> str:
    return f"{first} to {last}" if first != last else f"{first}"


def launches_text(launches: set[int]) -> str:
    number = range_text(min(launches), max(launches))
    return f"{number} launch{'es' * (number != '1')}"


def plan_of(found: Sequence[Found]) -> list[str]:
    """What to run next so that each crossover is known to FACTOR."""
    labels = labels_of(one.series for one in found)
    lines = []
    for group, label in labels.items():
        tokens = next_tokens([one for one in found if one.series.group == group])
        if tokens:
            lines.append(f"  {label}: --tokens {','.join(map(str, tokens))}")
    if not lines:
        return [f"Every crossover is bracketed to a factor of {FACTOR}, or as far as even rows go."]
    rounds = max(one.rounds for one in found)
    return [f"To bracket every crossover to a factor of {FACTOR}, run next (halving, at most"
            f" {rounds} round{'s' * (rounds > 1)}):", *lines]


def json_of(found: Sequence[Found]) -> dict[str, object]:
    return {
        "factor": FACTOR,
        "next_tokens": next_tokens(found),
        "series": [
            dict(zip(GROUP, one.series.group)) | {
                "combine": one.series.combine,
                "words": words_of(one.series.points),
                "points": [without_nan(asdict(point)) for point in one.series.points],
                "crossovers": [json_of_crossing(crossing, one.series.even_step)
                               for crossing in one.crossings],
            }
            for one in found
        ],
    }


def json_of_crossing(crossing: Crossing, step: int) -> dict[str, object]:
    return {
        "below": crossing.below.tokens, "above": crossing.above.tokens,
        "rows_below": crossing.below.rows, "rows_above": crossing.above.rows,
        "faster": "above" if crossing.above.verdict == WINS else "below",
        "not_resolved": [point.tokens for point in crossing.open],
        "next_tokens": crossing.next_tokens(step),
    }

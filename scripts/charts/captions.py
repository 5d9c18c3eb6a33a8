"""What panels show, in sentences: one panel's caption and the headline of several."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from charts.figures import Panel
from charts.format import range_text


@dataclass(frozen=True)
class Caption:
    """What a panel shows, in words computed from its rows.

    text is the full statement. headlines: what panels may have in common, the most telling first;
    the first that all share is the figure's, and ends with the range of their amounts.
    """

    text: str
    headlines: tuple[str, ...]
    amounts: tuple[float, ...] = ()


def shared_headline(
    labels: Sequence[str], captions: Sequence[Caption], amount_text: Callable[[float], str]
) -> tuple[str, bool] | None:
    """What the captions of all panels have in common, and whether that says all of them; None
    when they disagree."""
    panels = panels_text(labels)
    texts = {caption.text for caption in captions}
    if len(texts) == 1:
        return f"{texts.pop()} ({panels})", True
    amounts = [amount for caption in captions for amount in caption.amounts]
    for headlines in zip(*(caption.headlines for caption in captions)):
        if len(set(headlines)) == 1:
            text = f"{headlines[0]} {range_text(amounts, amount_text)}".strip()
            return f"{text} ({panels})", False
    return None


def panels_text(labels: Sequence[str]) -> str:
    return ", ".join(labels) if len(labels) <= 3 else f"{len(labels)} panels"


def depends_on(panels: Sequence[Panel], answers: Sequence[str]) -> list[str]:
    """What the answers change with: the load, where panels of one setting differ in theirs; the
    setting, where panels of one load do."""
    pairs = combinations(zip(panels, answers), 2)
    differing = [(one, other) for (one, a), (other, b) in pairs if a != b]
    load = any(one.setting == other.setting for one, other in differing)
    setting = any(one.load == other.load for one, other in differing)
    words = [word for word, found in (("load", load), ("setting", setting)) if found]
    return words or ["load", "setting"]  # No two panels that differ are alike in either.

"""What every kind of chart has to provide for a figure to be laid out around it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from charts.captions import Caption, shared_headline
from charts.figures import Panel
from charts.style import Style
from charts.token_axis import TokenAxis


@dataclass(frozen=True)
class EndLabel:
    """A direct label, wanted beside the point (x, y) in data coordinates."""

    x: float
    y: float
    text: str
    style: Style


@dataclass(frozen=True)
class Painted:
    labels: list[EndLabel]
    low: float
    high: float


class Chart:
    """One kind of figure: which rows it can show, what it finds in them, how it draws a panel."""

    name: str
    # Texts with a place for what speed-ups are over, {reference}. key: how to read the marks.
    ylabel: str
    key: str
    log: bool
    axis: Callable[[set[int]], TokenAxis]
    amount_text: Callable[[float], str]
    none = "no row has its times"  # Why it is not drawn where no row is usable.

    def usable(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows

    def left_out(self, rows: pd.DataFrame) -> str:
        """What a reader would miss of the rows of all panels and why, or ""."""
        return ""

    def caption(self, rows: pd.DataFrame) -> Caption:
        raise NotImplementedError

    def headline(self, panels: Sequence[Panel], captions: Sequence[Caption]) -> tuple[str, bool]:
        """The title of a figure, and whether it says all that the captions say."""
        shared = shared_headline([panel.label for panel in panels], captions, self.amount_text)
        return shared or (self.differing(panels), False)

    def differing(self, panels: Sequence[Panel]) -> str:
        """The title of a figure whose panels' captions disagree: one short sentence."""
        return "The panels differ, see their titles"

    def legend(self, rows: pd.DataFrame) -> str:
        return ""

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis) -> Painted:
        raise NotImplementedError

"""Joined rows with speed-ups over both references: what engines run, and the run's baseline."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from charts.style import style_order
from moe_results import AGAINST, CELL, Row, join_launches, unresolved_if_disturbed
from reference import ENGINE, ENGINE_FORM, is_timed, over_reference
from samples import Samples
from setting_names import load_order, natural

# What a cell shares with its neighbours in a panel.
PANEL = tuple(name for name in CELL if name not in ("tokens", "combine", AGAINST))

Key = tuple[object, ...]


@dataclass(frozen=True)
class Cell:
    """One strategy at one size. over_engine has the speed-ups over what engines run, over_baseline
    those of the same launches over the baseline; both have the times."""

    over_engine: Row
    over_baseline: Row

    @property
    def panel(self) -> Key:
        return tuple(self.over_engine[name] for name in PANEL)

    @property
    def combine(self) -> str:
        return str(self.over_engine["combine"])

    @property
    def tokens(self) -> int:
        return int(self.over_engine["tokens"])

    @property
    def is_reference(self) -> bool:
        return self.over_engine["is_baseline"] == "true"


def cells_of(rows: Sequence[Row], samples: Samples) -> list[Cell]:
    """Of all rows with a time, in an order that does not depend on theirs: by setting, load, size
    and strategy. A cell that was measured both with and without the engines' form beside it is the
    one with it."""
    timed = [row for row in rows if is_timed(row) and row["tokens"] > 0]
    if not timed:
        return []
    engine = by_cell(over_reference(timed, ENGINE, samples))
    baseline = by_cell(timed)
    cells = [Cell(row, baseline[key]) for key, row in engine.items()]
    places = {panel: place for place, panel in enumerate(sorted(by_panel(cells), key=panel_order))}
    return sorted(cells, key=lambda cell: (
        places[cell.panel], cell.tokens, style_order(cell.combine)))


def panel_order(panel: Key) -> list:
    values = dict(zip(PANEL, map(str, panel)))
    load = load_order(values.pop("load"))
    return [[natural(value) for value in values.values()], load]


def by_cell(rows: Iterable[Row]) -> dict[Key, Row]:
    joined = sorted(map(unresolved_if_disturbed, join_launches(rows)),
                    key=lambda row: row[AGAINST] == ENGINE_FORM)
    return {tuple(row[name] for name in (*PANEL, "tokens", "combine")): row for row in joined}


def by_panel(cells: Iterable[Cell]) -> dict[Key, list[Cell]]:
    panels: dict[Key, list[Cell]] = {}
    for cell in cells:
        panels.setdefault(cell.panel, []).append(cell)
    return panels

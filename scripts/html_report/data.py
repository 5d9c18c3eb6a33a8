"""What the page draws from: the panels of all sets, and their cells as columns."""

from collections.abc import Sequence
from dataclasses import dataclass

from charts.style import INK, PHASES, style_of, style_order
from crossovers.crossing import crossings_of, words_of
from crossovers.report import brackets_text
from crossovers.series import Point
from html_report.cells import PANEL, Cell, Key, by_panel
from html_report.columns import columns_of
from html_report.looks import look_of
from html_report.values import TABLE, Quantiles, values_of
from moe_results import AGAINST, NO_VERDICT, without_nan
from setting_names import load_order, natural, setting_label, telling_columns
from winner import winner_of

# Of the machine: sets that differ in these stand side by side, under one setting.
MACHINE = ("backend", "device", "transport", "hosts", "ranks_per_device", "claim")
# Columns of the table that are always there, though they may be the same in all rows.
ALWAYS = ("model", "hidden", "graph", "sms")


@dataclass(frozen=True)
class NamedSet:
    name: str
    cells: Sequence[Cell]
    quantiles: Quantiles  # Of the samples, by cell; may be empty.


class Settings:
    """The names of settings, by what tells the cells of all sets apart; empty where nothing does.
    What is the machine's is named only where it differs within one set."""

    def __init__(self, sets: Sequence[NamedSet]):
        rows = [[dict(zip(PANEL, key)) for key in by_panel(one.cells)] for one in sets]
        mixed = {name for name in MACHINE for part in rows if len({row[name] for row in part}) > 1}
        columns = [name for name in PANEL
                   if name != "load" and (name in mixed or name not in MACHINE)]
        self.telling = telling_columns([row for part in rows for row in part], columns)
        self.table = list(dict.fromkeys([*ALWAYS, *self.telling, "load"]))

    def label(self, values: dict[str, str]) -> str:
        return setting_label(self.telling, [values[name] for name in self.telling])


def page_data(sets: Sequence[NamedSet]) -> dict[str, object]:
    settings = Settings(sets)
    panels, places, rows = [], [], []
    for number, one in enumerate(sets):
        in_set = Settings([one])
        for key, cells in by_panel(one.cells).items():
            places += [len(panels)] * len(cells)
            rows += [values_of(cell, one.quantiles) for cell in cells]
            names = {"set": number, "setting": settings.label(dict(zip(PANEL, key))),
                     "short": in_set.label(dict(zip(PANEL, key)))}
            panels.append(names | panel_of(key, cells, settings.table))
    strategies = sorted({str(row["combine"]) for row in rows}, key=style_order)
    return {
        "sets": [one.name for one in sets],
        "settings": sorted({panel["setting"] for panel in panels}, key=natural),
        "loads": sorted({panel["load"] for panel in panels}, key=load_order),
        "panels": panels,
        "styles": {name: look_of(style_of(name)) for name in strategies},
        "phases": [[column, *look] for column, look in PHASES.items()],
        "ink": INK,
        "table": [*settings.table, *TABLE],
        "cells": {"panel": places} | columns_of(rows),
    }


def panel_of(key: Key, cells: Sequence[Cell], table: Sequence[str]) -> dict[str, object]:
    """values: of the columns of the table that all cells of the panel share."""
    values = dict(zip(PANEL, key))
    judged = cells if values["claim"] not in NO_VERDICT else []
    return {
        "load": values["load"],
        "values": [values[name] for name in table],
        "engine": cells[0].over_engine[AGAINST],
        "baseline": cells[0].over_baseline[AGAINST],
        "crossovers": crossovers_of(judged),
        "winners": winners_of(judged),
    }


def crossovers_of(cells: Sequence[Cell]) -> list[tuple[str, str, str]]:
    """Of each strategy: its name, its brackets, and in words at which sizes it wins and loses."""
    points: dict[str, list[Point]] = {}
    for cell in cells:
        if not cell.is_reference:
            points.setdefault(cell.combine, []).append(Point.of(cell.over_engine))
    return [(combine, brackets_text(crossings_of(points[combine])), words_of(points[combine]))
            for combine in sorted(points, key=style_order)]


def winners_of(cells: Sequence[Cell]) -> list[dict[str, object]]:
    cases: dict[int, list[Cell]] = {}
    for cell in cells:
        cases.setdefault(cell.tokens, []).append(cell)
    return [{"tokens": tokens} | without_nan(winner_of([cell.over_engine for cell in case]))
            for tokens, case in cases.items()]

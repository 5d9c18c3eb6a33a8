"""What the page draws from: panels and cells as columns, which a browser reads fast."""

import base64
import gzip
import json
import math
from collections.abc import Iterable, Sequence

from charts.style import INK, PHASES, Style, style_of, style_order
from crossovers.crossing import crossings_of, words_of
from crossovers.report import brackets_text
from crossovers.series import Point, verdict_of
from html_report.cells import PANEL, Cell, Key, by_panel
from html_report.samples import NAMES
from moe_results import AGAINST, CELL, NO_VERDICT, Row
from reference import ratio
from setting_names import load_order, natural, setting_label, telling_columns
from winner import winner_of

# Of the machine: sets that differ in these stand side by side, under one setting.
MACHINE = ("backend", "device", "transport", "hosts", "ranks_per_device", "claim")
SETTING = tuple(name for name in PANEL if name not in (*MACHINE, "load"))
# Columns of the table that are always there, though they may be the same in all rows.
ALWAYS = ("model", "hidden", "graph", "sms")

BYTES = {"bf16": 2, "f16": 2, "f32": 4}
DASHES = {"-": "solid", "--": "dash", ":": "dot", "-.": "dashdot"}
# Symbols of plotly and letters that look like matplotlib's markers.
SYMBOLS = {
    "o": ("circle", "●"), "s": ("square", "■"), "v": ("triangle-down", "▼"),
    "^": ("triangle-up", "▲"), "<": ("triangle-left", "◀"), ">": ("triangle-right", "▶"),
    "D": ("diamond", "◆"), "d": ("diamond-tall", "♦"), "P": ("cross", "✚"), "X": ("x", "✖"),
    "h": ("hexagon", "⬢"), "H": ("hexagon2", "⬣"), "8": ("octagon", "⯃"), "p": ("pentagon", "⬟"),
    "*": ("star", "★"),
}

SetCells = Sequence[Cell]
Quantiles = dict[Key, dict[str, float]]


def page_data(sets: Sequence[tuple[str, SetCells, Quantiles]]) -> dict[str, object]:
    """Of named sets: their panels, the styles of their strategies, and their cells."""
    cells = [cell for _, part, _ in sets for cell in part]
    settings = Settings(cells)
    panels, places, rows = [], [], []
    for number, (_, part, quantiles) in enumerate(sets):
        in_set = Settings(part)
        for key, group in by_panel(part).items():
            place = len(panels)
            panels.append(panel_of(number, key, group, settings, in_set))
            places += [place] * len(group)
            rows += [cell_values(cell, quantiles) for cell in group]
    strategies = sorted({cell.combine for cell in cells}, key=style_order)
    return {
        "sets": [name for name, _, _ in sets],
        "settings": sorted({panel["setting"] for panel in panels}, key=natural),
        "loads": sorted({panel["load"] for panel in panels}, key=load_order),
        "panels": panels,
        "styles": {name: style_values(style_of(name)) for name in strategies},
        "phases": [[column, *look] for column, look in PHASES.items()],
        "ink": INK,
        "table": [*settings.table, *TABLE],
        "cells": {"panel": places} | columns_of(rows),
    }


class Settings:
    """The names of settings, by what tells these cells apart; empty where nothing does."""

    def __init__(self, cells: Iterable[Cell]):
        keys = dict.fromkeys(cell.panel for cell in cells)
        rows = [dict(zip(PANEL, key)) for key in keys]
        self.telling = telling_columns(rows, SETTING)
        self.table = list(dict.fromkeys([*ALWAYS, *self.telling, "load"]))

    def label(self, panel: dict[str, str]) -> str:
        return setting_label(self.telling, [panel[name] for name in self.telling])


def panel_of(
    number: int, key: Key, cells: SetCells, settings: Settings, in_set: Settings
) -> dict[str, object]:
    values = dict(zip(PANEL, key))
    verdict = values["claim"] not in NO_VERDICT
    return {
        "set": number, "setting": settings.label(values), "short": in_set.label(values),
        "load": values["load"],
        "values": [values[name] for name in settings.table],
        "engine": cells[0].over_engine[AGAINST], "baseline": cells[0].over_baseline[AGAINST],
        "claim": values["claim"],
        "crossovers": crossovers_of(cells) if verdict else [],
        "winners": winners_of(cells) if verdict else [],
    }


def crossovers_of(cells: SetCells) -> list[tuple[str, str, str]]:
    """Of each strategy: its name, its brackets, and in words at which sizes it wins and loses."""
    points: dict[str, list[Point]] = {}
    for cell in cells:
        if not cell.is_reference:
            points.setdefault(cell.combine, []).append(Point.of(cell.over_engine))
    found = []
    for combine in sorted(points, key=style_order):
        line = sorted(points[combine], key=lambda point: point.tokens)
        found.append((combine, brackets_text(crossings_of(line)), words_of(line)))
    return found


def winners_of(cells: SetCells) -> list[dict[str, object]]:
    cases: dict[int, list[Cell]] = {}
    for cell in cells:
        cases.setdefault(cell.tokens, []).append(cell)
    return [{"tokens": tokens} | clean(winner_of([cell.over_engine for cell in case]))
            for tokens, case in sorted(cases.items())]


def style_values(style: Style) -> dict[str, str]:
    symbol, glyph = SYMBOLS[style.marker]
    return {"colour": style.colour, "dash": DASHES[style.line], "symbol": symbol, "glyph": glyph,
            "fill": style.fill}


# Columns of cells that the table shows, behind those of the setting.
TABLE = ("tokens", "combine", "output_us", "over_engine", "verdict", "over_baseline", "layer_us",
         "busbw_gbps", "launches", "engine_path", "variant")


def cell_values(cell: Cell, quantiles: Quantiles) -> dict[str, object]:
    engine, baseline = cell.over_engine, cell.over_baseline
    key = tuple(baseline[name] for name in CELL)
    width = int(engine["hidden"]) * BYTES.get(str(engine["dtype"]), math.nan)
    return {
        "combine": cell.combine, "tokens": cell.tokens,
        "bytes": int(engine["rows"] or cell.tokens) * width,
        "output_us": engine["output_us_median"],
        "output_us_low": engine["output_us_low"], "output_us_high": engine["output_us_high"],
        **ends("over_engine", engine, "speedup_output"),
        **ends("over_baseline", baseline, "speedup_output"),
        "layer_us": engine["layer_us_median"],
        "verdict": "reference" if cell.is_reference else verdict_of(engine),
        "busbw_gbps": engine["busbw_gbps"],
        "limit_gbps": engine["busbw_gbps"]
        * ratio(engine["combine_us_median"], engine["contract_limit_us"]),
        "launches": engine["launch_count"],
        "engine_path": engine["engine_path"], "variant": engine["variant"],
        **phases_of(engine),
        **quantiles.get(key, dict.fromkeys(NAMES, math.nan)),
    }


def phases_of(row: Row) -> dict[str, float]:
    """A fused strategy has no combine of its own: it is its output step, local combine included."""
    phases = {name: row[name] for name in PHASES}
    if math.isnan(row["combine_us_median"]) and any(value > 0 for value in phases.values()):
        phases |= {"combine_us_median": row["output_us_median"], "local_combine_us_median": 0.0}
    return phases


def ends(name: str, row: Row, column: str) -> dict[str, object]:
    return {f"{name}{end}": row[f"{column}{end}"] for end in ("", "_low", "_high")}


def columns_of(rows: Sequence[dict[str, object]]) -> dict[str, object]:
    """Columns that are empty in all rows are left out."""
    names = list(rows[0]) if rows else []
    columns = {name: column_of([row[name] for row in rows]) for name in names}
    return {name: column for name, column in columns.items() if column is not None}


def column_of(values: list) -> object:
    """Texts as words and their places; numbers to five digits, null where there is none."""
    if isinstance(values[0], str):
        words = list(dict.fromkeys(values))
        places = {word: place for place, word in enumerate(words)}
        return {"words": words, "places": [places[value] for value in values]}
    numbers = [None if math.isnan(value) else float(f"{value:.5g}")
               if isinstance(value, float) else value for value in values]
    return None if all(number is None for number in numbers) else numbers


def clean(values: dict[str, object]) -> dict[str, object]:
    """JSON has no word for a number that is none."""
    return {name: None if value != value else value for name, value in values.items()}


def packed(data: dict[str, object]) -> str:
    """Small, and without any letter that could end a script element, whatever a file holds."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=6, mtime=0)).decode()

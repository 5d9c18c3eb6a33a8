"""Which rows share a winner map: one for each page of which a second thing varies."""

from dataclasses import replace

import pandas as pd

import moe_results
from charts.caption import why_left_out
from charts.figures import by_claim, claim_pages, phases_that_tell
from charts.second_axis import SecondAxis, places_on, second_axis
from charts.winner_map import WinnerMap
from charts.winners import winner_cells
from moe_results import CELL


def make_maps(rows: list[moe_results.Row]) -> list[WinnerMap]:
    """The maps of each claim; none where only one thing varies, or there is only the baseline."""
    rows = phases_that_tell(rows)
    untimed = untimed_cells(rows)
    maps = []
    for timed, suffix, notes in by_claim(rows):
        axis = second_axis(timed)
        if axis and not timed["baseline"].all():
            here = untimed[untimed["claim"].isin(["", timed["claim"].iloc[0]])]
            maps += claim_maps(timed, here, axis, suffix, notes)
    return maps


def claim_maps(
    timed: pd.DataFrame, untimed: pd.DataFrame, axis: SecondAxis, suffix: str, notes: list[str]
) -> list[WinnerMap]:
    """Settings that only cells without a time have make no panels; those cells are in the notes.
    Where no two places share a token count, as with mixed loads alone, nothing can be compared."""
    scale = places_on(axis, pd.concat([timed, untimed]))
    timed, untimed = scale.of(timed), scale.of(untimed)
    settings = [*axis.others, "load"]
    maps = []
    for page in claim_pages(timed, suffix, notes, axis.others):
        panels = [panel for row in page.grid for panel in row if panel]
        cells = {
            panel.label: winner_cells(panel.rows, alike(untimed, panel.rows, settings))
            for panel in panels
        }
        every = pd.concat(cells.values())
        places = [place for place in scale.texts.values() if place in set(every["place"])]
        tokens = sorted(every["tokens"].unique().tolist())
        shared = every[["tokens", "place"]].drop_duplicates()["tokens"].duplicated().any()
        if len(tokens) > 1 and shared:
            page = replace(page, grid=[[panel] for panel in panels])
            maps.append(WinnerMap(page, scale.title, tokens, places, cells))
    return maps


def untimed_cells(rows: list[moe_results.Row]) -> pd.DataFrame:
    """The cells of rows without a time, as far as the rows know them; `why` says why."""
    found = [
        {name: row[name] for name in CELL} | {"tokens": int(row["tokens"]), "why": why}
        for row in rows
        if (why := why_left_out(row)) is not None and row["tokens"] >= 0
    ]
    return pd.DataFrame(found, columns=[*CELL, "why"])


def alike(untimed: pd.DataFrame, rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    return untimed[(untimed[columns] == rows[columns].iloc[0]).all(axis=1)]

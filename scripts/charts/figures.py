"""Which rows share a figure and a panel: results rows grouped into pages."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import pandas as pd

import moe_results
import setting_names
from charts.caption import left_out_notes, why_left_out
from charts.style import style_order
from moe_results import (
    CLAIMS, DISTURBED, NO_VERDICT, SETTINGS, ResultsError, lacks_verdict, unresolved_if_disturbed)
from setting_names import load_order, natural, setting_label

MAX_GRID_ROWS, MAX_GRID_COLUMNS = 4, 3
MAX_PLACES = 24  # Rows of one winner map.


@dataclass(frozen=True)
class Panel:
    setting: str  # What tells the panel from others of the same load; may be empty.
    load: str
    rows: pd.DataFrame

    @property
    def label(self) -> str:
        return f"{self.setting}, {self.load}" if self.setting else self.load


@dataclass(frozen=True)
class Page:
    """What one figure of each chart shows: rows of one claim, a grid of panels."""

    claim: str
    suffix: str
    notes: list[str]
    grid: list[list[Panel | None]]

    @property
    def no_verdict(self) -> bool:
        """Whether no row of the page may name a winner, by its claim."""
        return self.claim in NO_VERDICT


def make_pages(rows: list[moe_results.Row]) -> list[Page]:
    return [page for claim in by_claim(phases_that_tell(rows)) for page in claim_pages(*claim)]


def phases_that_tell(rows: list[moe_results.Row]) -> list[moe_results.Row]:
    """The phase of a mixed load follows from it. Where no other row has a phase it would only keep
    mixed loads apart from the others."""
    if any(row["phase"] for row in rows if not is_mixed(row)):
        return rows
    return [row | {"phase": ""} if is_mixed(row) else row for row in rows]


def is_mixed(row: moe_results.Row) -> bool:
    return row["load"].startswith("mixed:")


def by_claim(rows: list[moe_results.Row]) -> Iterator[tuple[pd.DataFrame, str, list[str]]]:
    """(rows with a time, suffix of the file names, notes) for each claim. The strongest one
    present comes first and keeps the plain file names."""
    left_out = left_out_notes(rows)
    timed = [row for row in rows if why_left_out(row) is None]
    if not timed:
        raise ResultsError("; ".join(["no rows with a time", *left_out]))
    joined = moe_results.join_launches(timed)
    disturbed = sum(lacks_verdict(row, DISTURBED) for row in joined)
    if disturbed:
        left_out.append(
            f"not resolved, for others had a rank's core: {disturbed} of {len(joined)} points")
    frame = pd.DataFrame(map(unresolved_if_disturbed, joined))
    frame["tokens"] = frame["tokens"].astype(int)
    frame["baseline"] = frame["is_baseline"] == "true"
    frame = frame.sort_values("combine", key=lambda names: names.map(style_order), kind="stable")
    present = [claim for claim in CLAIMS if (frame["claim"] == claim).any()]
    for claim in present:
        notes = list(left_out)
        if claim == present[0] and present[1:]:
            notes.append(f"drawn apart, for their claim is weaker: {', '.join(present[1:])} rows")
        suffix = "" if claim == present[0] else f"-{claim}"
        yield frame[frame["claim"] == claim], suffix, notes


def claim_pages(rows: pd.DataFrame, suffix: str, notes: list[str]) -> Iterator[Page]:
    """A grid of settings and loads while that is small, else a page for each setting."""
    groups = split_by_settings(rows)
    loads = loads_of(rows)
    if len(groups) <= MAX_GRID_ROWS and len(loads) <= MAX_GRID_COLUMNS:
        grid = [[panel_of(label, part, load) for load in loads] for label, part in groups]
        yield make_page(rows, suffix, notes, grid)
        return
    for label, part in groups:
        panels = [panel_of("", part, load) for load in loads_of(part)]
        slug = re.sub(r"[^A-Za-z0-9.]+", "-", label).strip("-")
        yield make_page(
            part, f"-{slug}{suffix}" if slug else suffix, notes, chunks(panels, MAX_GRID_COLUMNS))


def make_maps(rows: list[moe_results.Row]) -> list[Page]:
    """Pages of one panel, in whose rows `place` is the setting and the load. None where there is
    nothing to compare: no two places with the same number of tokens, one number of tokens, or only
    the baseline."""
    return [page for claim in by_claim(phases_that_tell(rows)) for page in map_pages(*claim)]


def map_pages(rows: pd.DataFrame, suffix: str, notes: list[str]) -> Iterator[Page]:
    groups, loads = split_by_settings(rows), loads_of(rows)
    pairs = list(product(groups, loads))
    if len(groups) > len(loads):  # What varies more is what neighbours differ in.
        pairs.sort(key=lambda pair: loads.index(pair[1]))
    panels = list(filter(None, (panel_of(*group, load) for group, load in pairs)))
    for number, chunk in enumerate(chunks(panels, MAX_PLACES), 1):
        here = pd.concat([panel.rows.assign(place=panel.label) for panel in chunk])
        shared = here[["tokens", "place"]].drop_duplicates()["tokens"].duplicated().any()
        if shared and here["tokens"].nunique() > 1 and not here["baseline"].all():
            part = f"-{number}" * (len(panels) > MAX_PLACES)
            yield make_page(here, f"{part}{suffix}", notes, [[Panel("", "", here)]])


def chunks(panels: list[Panel], size: int) -> list[list[Panel]]:
    return [panels[first : first + size] for first in range(0, len(panels), size)]


def loads_of(rows: pd.DataFrame) -> list[str]:
    return sorted(rows["load"].unique(), key=load_order)


def split_by_settings(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """(label, rows) for each combination of settings, named by those that tell them apart."""
    telling = telling_columns(rows, SETTINGS)
    if not telling:
        return [("", rows)]
    groups = dict(list(rows.groupby(telling, sort=False)))
    ordered = sorted(groups, key=lambda key: [natural(value) for value in key])
    return [(setting_label(telling, key), groups[key]) for key in ordered]


def telling_columns(rows: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    different = rows[list(columns)].drop_duplicates()
    return setting_names.telling_columns(different.to_dict("records"), columns)


def panel_of(setting: str, rows: pd.DataFrame, load: str) -> Panel | None:
    here = rows[rows["load"] == load]
    return None if here.empty else Panel(setting, load, here)


def make_page(
    rows: pd.DataFrame, suffix: str, notes: list[str], grid: list[list[Panel | None]]
) -> Page:
    claim = rows["claim"].iloc[0]
    notes = list(notes)
    if (rows["verified"] != "true").any():
        notes.append("not verified: some rows were measured with verification off")
    if rows["layer_us_median"].isna().all():
        notes.append("no layer times in these rows (scope output): no layer and no phase chart")
    return Page(claim, suffix, notes, grid)

"""The strategy with the fastest output step in each cell of a map, and a sentence on all cells."""

from dataclasses import dataclass

import pandas as pd

import moe_results
from charts.figures import Page, by_claim, claim_pages, phases_that_tell
from charts.format import listed
from charts.second_axis import SecondAxis, places_on, second_axis
from charts.style import style_order
from charts.subtitle import reference_text, why_left_out
from moe_results import CELL
from winner import UNRESOLVED, WON, winner_of

EMPTY = "empty"  # Of a cell in which no strategy has a time, beside WON and UNRESOLVED.


@dataclass(frozen=True)
class Map:
    """A page whose panels are maps. cells: by the label of the panel, see winner_cells."""

    page: Page
    title: str  # Of the second axis.
    tokens: list[int]
    places: list[str]
    cells: dict[str, pd.DataFrame]


def make_maps(rows: list[moe_results.Row]) -> list[Map]:
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
) -> list[Map]:
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
            maps.append(Map(page, scale.title, tokens, places, cells))
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


def winner_cells(rows: pd.DataFrame, untimed: pd.DataFrame) -> pd.DataFrame:
    """One row for each cell: those of timed_cells, and those in which no row has a time."""
    timed = timed_cells(rows)
    done = set(zip(timed["tokens"], timed["place"]))
    empty = [
        {"tokens": tokens, "place": place, "kind": EMPTY, "why": "; ".join(sorted(set(part)))}
        for (tokens, place), part in untimed.groupby(["tokens", "place"])["why"]
        if (tokens, place) not in done
    ]
    return pd.DataFrame([*timed.to_dict("records"), *empty], columns=[*timed.columns, "why"])


def timed_cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Of each cell: tokens, place, kind, winner, its speed-up over the baseline, whether it is the
    baseline, and whether another strategy may be as fast (`tied`)."""
    return pd.DataFrame([
        {"tokens": tokens, "place": place} | winner_of(part.to_dict("records"))
        for (tokens, place), part in rows.groupby(["tokens", "place"])
    ])


def winner_counts(cells: pd.DataFrame) -> dict[str, int]:
    """In how many cells each strategy is the fastest, in the order of the styles."""
    counts = cells["winner"].value_counts()
    return {str(name): int(counts[name]) for name in sorted(counts.index, key=style_order)}


def winners_text(cells: pd.DataFrame) -> str:
    """The strategy that wins most cells, counting only what is resolved: one statement, for the map
    shows the rest. One that is perhaps tied somewhere leads."""
    timed = cells[cells["kind"] != EMPTY]
    won = timed[timed["kind"] == WON]
    if won.empty:
        return f"Not resolved: no strategy wins the output step in any of {len(timed)} cells"
    counts = winner_counts(won)
    most = max(counts.values())
    leaders = [name for name, count in counts.items() if count == most]
    led = won[won["winner"].isin(leaders)]
    references = set(led.loc[led["baseline"].astype(bool), "winner"])
    who = listed([reference_text(name) if name in references else name for name in leaders])
    verb = ("lead" if led["tied"].any() else "win") + "s" * (len(leaders) == 1)
    text = f"{'T' + who[1:] if leaders[0] in references else who} {verb} the output step"
    if most == len(timed):
        return f"{text} in all {most} cells" if most > 1 else f"{text} in the only cell"
    if len(leaders) > 1:
        return f"{text} in {most} of {len(timed)} cells each"
    return f"{text} in {most} of {len(timed)} cells" + ", more than any other" * (
        2 * most <= len(timed))


def doubts_text(cells: pd.DataFrame) -> str:
    timed = cells[cells["kind"] != EMPTY]
    unresolved, tied = int((timed["kind"] == UNRESOLVED).sum()), int(timed["tied"].sum())
    doubts = {"not resolved": unresolved, "perhaps tied": tied}
    return "; ".join(f"{what} in {count} of {len(timed)} cells"
                     for what, count in doubts.items() if count)

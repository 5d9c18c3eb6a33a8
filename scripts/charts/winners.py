"""The strategy with the fastest output step in each case, and a sentence on all of them."""

import pandas as pd

from charts.format import count_text, listed, ratio_text
from charts.style import style_order
from winner import WON, winner_of


def fastest(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Of each token count and value of the column, with these: kind, winner, its speed-up over the
    baseline, whether it is the baseline, and whether another strategy may be as fast (`tied`)."""
    return pd.DataFrame([
        {"tokens": tokens, column: value} | winner_of(part.to_dict("records"))
        for (tokens, value), part in rows.groupby(["tokens", column])
    ])


def winner_counts(cells: pd.DataFrame) -> dict[str, int]:
    """In how many cells each strategy is the fastest, in the order of the styles."""
    counts = cells["winner"].value_counts()
    return {str(name): int(counts[name]) for name in sorted(counts.index, key=style_order)}


def winners_text(cells: pd.DataFrame, reference: str) -> str:
    """The strategies that are the fastest in most cells, counting only what is resolved. Speed-ups
    are over the reference."""
    won = cells[cells["kind"] == WON]
    if won.empty:
        return ("Not resolved: no strategy has the fastest output step in any of"
                f" {count_text(len(cells), 'case')}")
    counts = winner_counts(won)
    most = max(counts.values())
    leaders = [name for name, count in counts.items() if count == most]
    led = won[won["winner"].isin(leaders)]
    verb = "has" if len(leaders) == 1 else "have"
    text = f"{listed(leaders)} {verb} the fastest output step in {most} of {len(cells)} cases"
    text += " each" * (len(leaders) > 1)
    if led["tied"].any():
        text += f", perhaps tied in {led['tied'].sum()}"
    faster = led.loc[~led["baseline"].astype(bool), "speedup"]
    if faster.empty:
        return text
    return f"{text}; up to {ratio_text(faster.max())} as fast as {reference}"

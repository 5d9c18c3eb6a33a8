"""What tells results of several settings apart: which columns, in which words and order.

Standard library only, like moe_results.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

LOAD_ORDER = ("balanced", "linear", "zipf", "hot", "idle", "counts", "mixed")
PLAIN = ("model", "dtype", "device")  # Their values speak for themselves.


def natural(text: str) -> list[tuple[int, float | str]]:
    """Sorts 2 before 16 and keeps words in their order."""
    parts = re.findall(r"\d+(?:\.\d+)?|\D+", text)
    return [(0, float(part)) if part[0].isdecimal() else (1, part) for part in parts]


def load_order(load: str) -> tuple[int, list]:
    kind = load.split(":")[0]
    return (LOAD_ORDER.index(kind) if kind in LOAD_ORDER else len(LOAD_ORDER), natural(load))


def telling_columns(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> list[str]:
    """The fewest columns, in their order, that tell apart what all of them tell apart."""
    values = [[row[name] for name in columns] for row in rows]
    telling: list[int] = []
    parts = 1
    for place in range(len(columns)):
        finer = len({tuple(row[chosen] for chosen in (*telling, place)) for row in values})
        if finer > parts:
            telling.append(place)
            parts = finer
    return [columns[place] for place in telling]


def setting_label(columns: Sequence[str], values: Sequence[str]) -> str:
    return ", ".join(
        (value or f"no {column}") if column in PLAIN else f"{column} {value or 'none'}"
        for column, value in zip(columns, values)
    )

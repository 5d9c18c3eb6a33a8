"""Texts from numbers."""

import textwrap
from collections.abc import Callable, Sequence

import pandas as pd

from setting_names import natural


def time_text(us: float) -> str:
    for unit, size in (("µs", 1.0), ("ms", 1e3)):
        if us < 999.5 * size:
            return f"{us / size:.3g} {unit}"
    return f"{us / 1e6:.3g} s"


def bandwidth_text(gbps: float) -> str:
    return f"{1e3 * gbps:.3g} MB/s" if gbps < 0.9995 else f"{gbps:.3g} GB/s"


def ratio_text(ratio: float) -> str:
    return f"{ratio:.1f}×" if ratio >= 9.995 else f"{ratio:.2f}×"


def percent_text(percent: float) -> str:
    """What is there never reads as none: 0.03 %, not 0.0 %."""
    if 0 < percent < 0.005:
        return "<0.01 %"
    decimals = 0 if percent >= 9.95 or percent == 0 else 1 if percent >= 0.095 else 2
    return f"{percent:.{decimals}f} %"


def range_text(values: Sequence[float], text: Callable[[float], str]) -> str:
    return " to ".join(dict.fromkeys(text(end(values)) for end in (min, max)))


def listed(words: Sequence[str]) -> str:
    """The words as in a sentence: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def sentence(text: str) -> str:
    """With a capital first letter, and all others as they are."""
    return text[:1].upper() + text[1:]


def values_of(rows: pd.DataFrame, column: str) -> list[str]:
    return sorted((value for value in rows[column].unique() if value), key=natural)


def count_text(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def where_text(row: pd.Series) -> str:
    return f"{count_text(row['tokens'], 'token')}, {row['panel']}"


def wrap(text: str, letters: int) -> list[str]:
    """Lines, broken between words; only a word longer than a line, such as a path, is cut."""
    return textwrap.wrap(text, letters, break_on_hyphens=False)

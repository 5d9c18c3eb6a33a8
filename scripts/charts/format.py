"""Texts from numbers."""

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
    return " to ".join(dict.fromkeys(text(end(values)) for end in (min, max) if values))


def listed(words: Sequence[str]) -> str:
    """The words as in a sentence: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def values_of(rows: pd.DataFrame, column: str) -> list[str]:
    return sorted((value for value in rows[column].unique() if value), key=natural)


def sizes_text(chosen: Sequence[int], every: Sequence[int]) -> str:
    """Which of the token counts were chosen: "from 64 tokens", "up to 16 tokens", ..."""
    first, last = chosen[0], chosen[-1]
    unbroken = [tokens for tokens in every if first <= tokens <= last] == list(chosen)
    if list(chosen) == list(every) and len(every) > 1:
        return "at every size"
    if len(chosen) == 1:
        return f"at {first} tokens" + (" only" if len(every) > 1 else "")
    if not unbroken:
        return f"at {len(chosen)} of {len(every)} sizes"
    if last == every[-1]:
        return f"from {first} tokens"
    return f"up to {last} tokens" if first == every[0] else f"from {first} to {last} tokens"

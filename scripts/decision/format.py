"""Numbers and lists as they stand in sentences."""

from collections.abc import Sequence

from decision.gain import Gain


def _decimals(value: float) -> int:
    """One, or as many as a smaller number takes to be none of zeros."""
    count = 1
    while 0 < abs(value) * 10**count < 1 and count < 6:
        count += 1
    return count


def milliseconds(value: float) -> str:
    return f"{value:.{_decimals(value)}f} ms"


def gain_text(gain: Gain) -> str:
    """3.1 ms [2.6, 3.5]"""
    count = _decimals(gain.ms)
    interval = ""
    if gain.interval:
        interval = " [{:.{n}f}, {:.{n}f}]".format(*gain.interval, n=count)
    return f"{gain.ms:.{count}f} ms{interval}"


def ms_text(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def with_article(words: str) -> str:
    """With the article of how it is read: an 8 ms step, an 18 ms step, a 148 ms step."""
    number = words.replace(",", "").split(".")[0].split(" ")[0]
    an = words[:1] in "aeiou" or number[:1] == "8" or number in ("11", "18")
    return f"{'an' if an else 'a'} {words}"


def joined_by_and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

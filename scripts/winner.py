"""The strategy with the fastest output step in one case.

Standard library only, like moe_results, whose joined rows these are.
"""

from collections.abc import Sequence

from moe_results import Row

# The winner is faster than the baseline, or is the baseline; or that is not resolved.
WON, UNRESOLVED = "won", "unresolved"


def winner_of(case: Sequence[Row]) -> dict[str, object]:
    """The strategy with the shortest output step, its speed-up over the baseline, whether it is the
    baseline, and whether it is tied: with every candidate whose interval reaches into its own.
    Cautious, for rounds are paired with the baseline only."""
    best = min(case, key=lambda row: row["output_us_median"])
    is_baseline = best["is_baseline"] == "true"
    speedup = 1.0 if is_baseline else best["speedup_output"]
    low = 1.0 if is_baseline else best["speedup_output_low"]
    highs = [row["speedup_output_high"] for row in case
             if row["is_baseline"] != "true" and row["combine"] != best["combine"]]
    resolved = all(high < 1 for high in highs) if is_baseline else low > 1
    return {
        "kind": WON if resolved else UNRESOLVED,
        "winner": best["combine"],
        "baseline": is_baseline,
        "speedup": speedup,
        "tied": resolved and not all(high < low for high in highs),
    }

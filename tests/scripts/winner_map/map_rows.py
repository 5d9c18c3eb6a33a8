"""Rows of sweeps that were never measured, for winner maps, and what maps hold."""

import itertools
from collections.abc import Iterable

import pandas as pd
from charts.figure import draw
from charts.figures import Page
from charts.winner_map import WinnerMap
from charts.winners import fastest
from matplotlib.text import Text

BASELINE, SLICE, NATIVE = "all_reduce_dp_scatter", "all_reduce_slice", "reduce_scatterv_native"
BASE_US = 100.0
SETTINGS = {
    "schema_version": 1, "run_id": "r1", "launch": 0, "case_id": "c", "backend": "host",
    "device": "EPYC", "claim": "memory", "hosts": 1, "ranks": 8, "ranks_per_device": 1,
    "model": "custom", "hidden": 1024, "experts": 16, "routing": "uniform", "padding": "sum_len",
    "dp": 8, "attn_tp": 1, "ep": 8, "moe_tp": 1, "gather": "all_reduce_zero_fill",
    "dtype": "bf16", "graph": "off", "scope": "output", "layers": 1, "planted_pct": 0,
    "verified": "true", "load": "balanced",
}

Row = dict[str, object]


def timed(combine: str, tokens: int, speedup: float, half: float = 0.02, **changes: object) -> Row:
    """A row whose output step is the baseline's over the speed-up; half: of its interval."""
    output = BASE_US / speedup
    if combine == BASELINE:
        half = 0
    return SETTINGS | {
        "combine": combine, "tokens": tokens, "output_us_median": output,
        "is_baseline": "true" if combine == BASELINE else "false",
        "output_us_low": output, "output_us_high": output, "speedup_output": speedup,
        "speedup_output_low": speedup - half, "speedup_output_high": speedup + half,
    } | changes


def stuck(combine: str, tokens: int, why: str, **changes: object) -> Row:
    return SETTINGS | {
        "combine": combine, "tokens": tokens, "obstacle": why, "verified": "",
        "is_baseline": "true" if combine == BASELINE else "false",
    } | changes


def case(
    tokens: int, speedups: dict[str, float], half: float = 0.02, **changes: object
) -> list[Row]:
    return [
        timed(BASELINE, tokens, 1.0, **changes),
        *(timed(name, tokens, speedup, half, **changes) for name, speedup in speedups.items()),
    ]


def sweep(column: str, values: Iterable[object], **changes: object) -> list[Row]:
    """A case that native wins for two token counts and each value of the column."""
    cells = itertools.product((16, 64), values)
    return [
        row
        for tokens, value in cells
        for row in case(tokens, {SLICE: 1.1, NATIVE: 1.5}, **(changes | {column: value}))
    ]


def rows_of(page: Page) -> pd.DataFrame:
    """Of the only panel."""
    ((panel,),) = page.grid
    return panel.rows


def the_cells(page: Page) -> pd.DataFrame:
    """By tokens and place."""
    return fastest(rows_of(page), "place").set_index(["tokens", "place"])


def places_of(page: Page) -> list[str]:
    """From the top."""
    return [tick.get_text() for tick in draw(page, WinnerMap()).axes[0].get_yticklabels()]


def figure_texts(page: Page) -> list[str]:
    """The lines of its texts."""
    texts = draw(page, WinnerMap()).findobj(Text)
    return [line for text in texts for line in text.get_text().split("\n") if line]

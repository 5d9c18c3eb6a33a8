#!/usr/bin/env python3
"""Draws the charts of one or several results sets.

plot.py RESULTS... --out DIR [--format png,svg]

RESULTS are CSV files or folders that hold a results.csv. Rows of different claims never share a
figure. Exit status: 0, or 2 with one line on standard error when the input cannot be used.
"""

import argparse
import math
import re
import sys
import textwrap
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import NoReturn

import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FixedLocator, NullLocator

import moe_results
from moe_results import CLAIMS, SETTINGS, ResultsError

FORMATS = ("png", "svg")
# Fixed salt, text as text and no date: the same rows give the same bytes, so that committed charts
# change only with their data. A results file may hold a "$", which is no formula.
STYLE = {
    "svg.hashsalt": "bench_moe_comm",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "font.size": 8.5,
}
METADATA = {"png": {"Software": None}, "svg": {"Date": None}}

INK, MUTED, WARNING = "#222222", "#666666", "#B03A00"

# Okabe and Ito's colours without their yellow, which is lost on white; the sky blue and the orange
# are a little darker than theirs for the same reason.
BLACK, ORANGE, SKY, GREEN = "#000000", "#DB8E00", "#45A2DA", "#009E73"
BLUE, RED, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#7F7F7F"


@dataclass(frozen=True)
class Look:
    colour: str
    line: str
    marker: str


# One look for one strategy, whichever others are in the chart. Warm colours: rooted reduces and
# padded forms; green and blue: one-sided and native ones; black and grey: the all_reduce family.
LOOKS = {
    "all_reduce_dp_scatter": Look(BLACK, "-", "o"),
    "all_reduce_slice": Look(GREY, "-", "s"),
    "all_reduce_peer_dp_scatter": Look(GREY, "--", "v"),
    "all_reduce_push_dp_scatter": Look(BLACK, "--", "^"),
    "reduce_scatterv_grouped": Look(RED, "-", "s"),
    "reduce_scatterv_collapse": Look(RED, "--", "D"),
    "reduce_scatter_padded": Look(ORANGE, "-", "P"),
    "reduce_scatter_symmetric": Look(ORANGE, "--", "X"),
    "reduce_scatterv_alltoallv": Look(PURPLE, "-", "^"),
    "reduce_scatterv_two_level": Look(PURPLE, "--", "h"),
    "reduce_scatterv_native": Look(BLUE, "-", "D"),
    "reduce_scatterv_auto": Look(BLUE, ":", "*"),
    "reduce_scatterv_peer": Look(GREEN, "-", "v"),
    "reduce_scatterv_push": Look(GREEN, "--", "<"),
    "reduce_scatterv_fused": Look(SKY, "-", "p"),
}

# Communication in warm colours, computation in blues, waiting in grey.
PHASES = {
    "gather_us_median": ("gather", "#F2C36B"),
    "route_us_median": ("route", "#DCE9F5"),
    "permute_us_median": ("permute", "#B3D1EA"),
    "experts_us_median": ("experts", "#5B9BD0"),
    "shared_us_median": ("shared expert", "#1F6FB0"),
    "local_combine_us_median": ("local combine", "#0B3C68"),
    "combine_us_median": ("combine", RED),
    "wait_us_median": ("wait for late ranks", "#BDBDBD"),
}

CLAIM_TEXT = {
    "interconnect": "claim: interconnect (one rank for each GPU or core, real links)",
    "memory": "claim: memory (one shared memory: not an interconnect's numbers)",
    "functional": "functional: ranks > cores, times say nothing about speed",
}

LOAD_ORDER = ("balanced", "linear", "zipf", "hot", "counts")


def look_of(strategy: str) -> Look:
    """A strategy newer than the table gets a look from its name alone, so that is fixed too."""
    if strategy in LOOKS:
        return LOOKS[strategy]
    number = zlib.crc32(strategy.encode())
    return Look((ORANGE, PURPLE, GREEN, SKY)[number % 4], "-.", ">H8d"[number // 4 % 4])


def looks_order(strategy: str) -> tuple[int, str]:
    return (list(LOOKS).index(strategy) if strategy in LOOKS else len(LOOKS), strategy)


# --- Texts from numbers -------------------------------------------------------------------------


def time_text(us: float) -> str:
    for unit, size in (("µs", 1.0), ("ms", 1e3)):
        if us < 999.5 * size:
            return f"{us / size:.3g} {unit}"
    return f"{us / 1e6:.3g} s"


def ratio_text(ratio: float) -> str:
    return f"{ratio:.1f}×" if ratio >= 9.995 else f"{ratio:.2f}×"


def percent_text(percent: float) -> str:
    return f"{percent:.0f} %" if percent >= 9.95 else f"{percent:.1f} %"


def natural(text: str) -> list[tuple[int, float | str]]:
    """Sorts 2 before 16 and keeps words in their order."""
    parts = re.findall(r"\d+(?:\.\d+)?|\D+", text)
    return [(0, float(part)) if part[0].isdecimal() else (1, part) for part in parts]


def load_order(load: str) -> tuple[int, list]:
    kind = load.split(":")[0]
    return (LOAD_ORDER.index(kind) if kind in LOAD_ORDER else len(LOAD_ORDER), natural(load))


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


# --- Findings -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """What a panel shows, in words computed from its rows.

    text is the full statement. Panels that share a gist share a headline, which ends with the
    range of their amounts; gists come most telling first.
    """

    text: str
    gists: tuple[str, ...]
    amounts: tuple[float, ...] = ()


def speedup_finding(rows: pd.DataFrame, metric: str, what: str) -> Finding:
    """Who is faster than the baseline, where, and by how much; only what the intervals resolve."""
    rivals = rows[~rows["baseline"]]
    if rivals.empty:
        text = f"Only the baseline was timed in {what}"
        return Finding(text, (text,))
    gains = rivals[rivals[f"{metric}_low"] > 1]
    if gains.empty:
        return no_gain_finding(rivals, metric, what)
    best = gains.loc[gains.groupby("tokens")[metric].idxmax()]
    scores = best.groupby("combine")[metric].agg(["size", "max"])
    leader, *others = scores.sort_values(["size", "max"], ascending=False).index
    every = sorted(rivals["tokens"].unique())
    wins = best[best["combine"] == leader]
    peak = wins.loc[wins[metric].idxmax()]
    tied = tied_with(peak, rivals, metric)
    verb = "leads" if tied else "wins"
    gist = f"{leader} {verb} {what} {sizes_text(list(wins['tokens']), every)}"
    text = f"{gist}: {ratio_text(peak[metric])}"
    if len(wins) > 1:
        text += f" at {peak['tokens']}"
    if tied:
        text += f", tied with {tied[0] if len(tied) == 1 else f'{len(tied)} others'}"
    if len(others) == 1:
        won = list(best.loc[best["combine"] == others[0], "tokens"])
        text += f", {others[0]} {sizes_text(won, every)}"
    elif others:
        text += f", {len(others)} others elsewhere"
    gists = (f"{gist}:", f"{leader} gains most in {what}, at best")
    return Finding(text, gists, (peak[metric],))


def no_gain_finding(rivals: pd.DataFrame, metric: str, what: str) -> Finding:
    unresolved = rivals[~(rivals[f"{metric}_high"] < 1)]
    if unresolved.empty:
        text = f"No strategy beats the baseline in {what}"
        return Finding(text, (text,))
    best = unresolved.loc[unresolved[metric].idxmax()]
    gist = f"Not resolved: no gain in {what}"
    where = f"{ratio_text(best[metric])} at {best['tokens']} tokens"
    return Finding(f"{gist} (best: {best['combine']}, {where})", (gist,))


def tied_with(peak: pd.Series, rivals: pd.DataFrame, metric: str) -> list[str]:
    """Rivals whose interval reaches into the leader's. Cautious: rounds are paired with the
    baseline, so two overlapping intervals may still differ."""
    same = rivals[(rivals["tokens"] == peak["tokens"]) & (rivals["combine"] != peak["combine"])]
    return list(same.loc[same[f"{metric}_high"] >= peak[f"{metric}_low"], "combine"])


def latency_finding(rows: pd.DataFrame) -> Finding:
    tokens = rows["tokens"].max()
    here = rows[rows["tokens"] == tokens]
    fastest = here.loc[here["output_us_median"].idxmin()]
    who = "The baseline" if fastest["baseline"] else fastest["combine"]
    gist = f"{who} has the fastest output step at {tokens} tokens"
    resolved = fastest["baseline"] or fastest["speedup_output_low"] > 1
    if not resolved:
        gist += " (not resolved)"
    text = f"{gist}: {time_text(fastest['output_us_median'])}"
    if not fastest["baseline"]:
        for base in here.loc[here["baseline"], "output_us_median"]:
            text += f" against the baseline's {time_text(base)}"
    return Finding(text, (f"{gist}:",), (fastest["output_us_median"],))


def phases_finding(rows: pd.DataFrame) -> Finding:
    split = phase_split(rows[rows["baseline"]].set_index("tokens").sort_index())
    share = 100 * split["combine_us_median"] / split.sum(axis=1)
    first, last = share.index[0], share.index[-1]
    text = f"The combine takes {percent_text(share[first])} of the baseline's layer"
    text += f" at {first} tokens"
    if first != last:
        text += f" and {percent_text(share[last])} at {last}"
    return Finding(text, ("Share of the combine in the baseline's layer:",), tuple(share))


def join_findings(
    findings: Sequence[tuple[str, Finding]], amount_text: Callable[[float], str]
) -> tuple[str, bool]:
    """The headline of a figure from (panel, finding) pairs, and whether it says all of them."""
    labels = [label for label, _ in findings]
    panels = ", ".join(labels) if len(labels) <= 3 else f"{len(labels)} panels"
    texts = [finding.text for _, finding in findings]
    if len(set(texts)) == 1:
        return f"{texts[0]} ({panels})", True
    amounts = [amount for _, finding in findings for amount in finding.amounts]
    for gists in zip(*(finding.gists for _, finding in findings)):
        if len(set(gists)) == 1:
            ends = dict.fromkeys(amount_text(end(amounts)) for end in (min, max) if amounts)
            return f"{' '.join([gists[0], ' to '.join(ends)]).strip()} ({panels})", False
    if len(findings) == 2:
        second = texts[1][0].lower() + texts[1][1:]
        return f"{texts[0]} ({labels[0]}); {second} ({labels[1]})", True
    return f"{texts[0]} ({labels[0]}); the other panels differ, see their titles", False


# --- Rows to pages ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Panel:
    label: str
    rows: pd.DataFrame


@dataclass(frozen=True)
class Page:
    """What one figure of each chart shows: rows of one claim, a grid of panels."""

    claim: str
    suffix: str
    facts: list[str]
    notes: list[str]
    grid: list[list[Panel | None]]


MAX_GRID_ROWS, MAX_GRID_COLUMNS = 4, 3


def make_pages(rows: list[moe_results.Row]) -> list[Page]:
    """Pages of the strongest claim present come first and keep the plain file names."""
    left_out = left_out_notes(rows)
    timed = [row for row in rows if why_left_out(row) is None]
    if not timed:
        raise ResultsError("; ".join(["no rows with a time", *left_out]))
    frame = pd.DataFrame(moe_results.join_launches(timed))
    frame["tokens"] = frame["tokens"].astype(int)
    frame["baseline"] = frame["is_baseline"] == "true"
    frame = frame.sort_values("combine", key=lambda names: names.map(looks_order), kind="stable")
    present = [claim for claim in CLAIMS if (frame["claim"] == claim).any()]
    pages = []
    for claim in present:
        notes = list(left_out)
        if claim == present[0] and present[1:]:
            notes.append(f"drawn apart, for their claim is weaker: {', '.join(present[1:])} rows")
        suffix = "" if claim == present[0] else f"-{claim}"
        pages += claim_pages(frame[frame["claim"] == claim], suffix, notes)
    return pages


def claim_pages(rows: pd.DataFrame, suffix: str, notes: list[str]) -> Iterator[Page]:
    groups = split_by_settings(rows)
    loads = sorted(rows["load"].unique(), key=load_order)
    if len(groups) <= MAX_GRID_ROWS and len(loads) <= MAX_GRID_COLUMNS:
        grid = [[panel_of(label, part, load) for load in loads] for label, part in groups]
        yield make_page(rows, suffix, notes, grid)
        return
    for label, part in groups:
        loads = sorted(part["load"].unique(), key=load_order)
        panels = [panel_of("", part, load) for load in loads]
        grid = [panels[i : i + MAX_GRID_COLUMNS] for i in range(0, len(panels), MAX_GRID_COLUMNS)]
        slug = re.sub(r"[^A-Za-z0-9.]+", "-", label).strip("-")
        yield make_page(part, f"-{slug}{suffix}" if slug else suffix, notes, grid)


def split_by_settings(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """(label, rows) for each combination of settings, named by those that tell them apart."""
    telling: list[str] = []
    parts = 1
    for column in SETTINGS:
        finer = len(rows[[*telling, column]].drop_duplicates())
        if finer > parts:
            telling.append(column)
            parts = finer
    if not telling:
        return [("", rows)]
    groups = dict(list(rows.groupby(telling, sort=False)))
    ordered = sorted(groups, key=lambda key: [natural(value) for value in key])
    return [(setting_label(telling, key), groups[key]) for key in ordered]


def setting_label(columns: Sequence[str], values: Sequence[str]) -> str:
    plain = ("model", "dtype", "device")  # Their values speak for themselves.
    return ", ".join(
        (value or f"no {column}") if column in plain else f"{column} {value or 'none'}"
        for column, value in zip(columns, values)
    )


def panel_of(label: str, rows: pd.DataFrame, load: str) -> Panel | None:
    here = rows[rows["load"] == load]
    return None if here.empty else Panel(", ".join(filter(None, (label, load))), here)


def make_page(
    rows: pd.DataFrame, suffix: str, notes: list[str], grid: list[list[Panel | None]]
) -> Page:
    claim = rows["claim"].iloc[0]
    notes = list(notes)
    if (rows["verified"] != "true").any():
        notes.append("not verified: some rows were measured with verification off")
    if rows["layer_us_median"].isna().all():
        notes.append("no layer times in these rows (scope output): no layer and no phase chart")
    return Page(claim, suffix, facts_of(rows), notes, grid)


def facts_of(rows: pd.DataFrame) -> list[str]:
    def listed(column: str) -> str:
        values = values_of(rows, column)
        return ", ".join(values) if len(values) <= 4 else f"{values[0]} to {values[-1]}"

    lines = [
        ("device", "ranks", "hosts", "ranks_per_device", "backend", "transport"),
        ("model", "hidden", "dtype", "dp", "ep", "gather", "padding", "graph", "cache", "mode"),
    ]
    facts = [
        " · ".join(f"{name.replace('_', ' ')} {listed(name)}" for name in names if listed(name))
        for names in lines
    ]
    return [*facts, launches_text(rows)]


def launches_text(rows: pd.DataFrame) -> str:
    fewest, most = rows["launch_count"].min(), rows["launch_count"].max()
    if most == 1:
        return "one launch: intervals hold within this launch only"
    number = f"{most}" if fewest == most else f"{fewest} to {most}"
    if moe_results.order_statistic_rank(fewest):
        return f"{number} launches: medians and 95 % intervals over launches"
    return f"{number} launches: medians over launches, bars span the launches' own intervals"


def why_left_out(row: moe_results.Row) -> str | None:
    if row["planted_pct"] > 0:
        return f"planted slow-down of {row['planted_pct']:g} %, never a result"
    return moe_results.why_no_time(row)


def left_out_notes(rows: list[moe_results.Row]) -> list[str]:
    """One note for each reason, with the strategies it concerns."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        reason = why_left_out(row)
        if reason is not None:
            reasons.setdefault(reason, []).append(str(row["combine"]))
    notes = []
    for reason, strategies in sorted(reasons.items()):
        names = sorted(set(strategies), key=looks_order)
        who = ", ".join(names) if len(names) <= 3 else f"{len(names)} strategies"
        count = f"{len(strategies)} row{'s' if len(strategies) > 1 else ''}"
        notes.append(f"left out: {who}: {reason} ({count})")
    return notes


# --- Drawing ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EndLabel:
    """A direct label, wanted beside the point (x, y) in data coordinates."""

    x: float
    y: float
    text: str
    look: Look


@dataclass(frozen=True)
class Painted:
    labels: list[EndLabel]
    low: float
    high: float


@dataclass(frozen=True)
class TokenAxis:
    title: str
    at: dict[int, float]  # Positions of the token counts, ascending.
    step: float  # The smallest distance between two of them.
    pad: float  # Free room left and right of them.

    @property
    def tokens(self) -> list[int]:
        return list(self.at)

    @property
    def limits(self) -> tuple[float, float]:
        return min(self.at.values()) - self.pad, max(self.at.values()) + self.pad


def log_axis(tokens: set[int]) -> TokenAxis:
    """Zero tokens, which have no logarithm, stand one step left of the smallest count."""
    zero = math.log2(min(tokens - {0}, default=2)) - 1
    at = {count: math.log2(count) if count else zero for count in sorted(tokens)}
    steps = [right - left for left, right in pairwise(at.values())]
    step = min(steps, default=1.0)
    pad = max(0.35 * step, 0.04 * sum(steps)) if steps else 1.0
    return TokenAxis("tokens in one step, all DP ranks (log2 scale)", at, step, pad)


def bar_axis(tokens: set[int]) -> TokenAxis:
    """Equal steps; at least three of them wide, so that a few bars stay slim."""
    at = {count: float(place) for place, count in enumerate(sorted(tokens))}
    return TokenAxis("tokens in one step, all DP ranks", at, 1.0, max(0.55, 1.5 - len(at) / 2))


def draw_lines(
    ax: Axes, rows: pd.DataFrame, axis: TokenAxis, measure: str, text: Callable[[float], str]
) -> list[EndLabel]:
    """One line for each strategy with its intervals. A hollow marker is a point whose speed-up is
    not resolved; neighbours stand a little apart, so that their intervals can be told apart."""
    stem = moe_results.MEASURES[measure]
    speedup = measure if measure.startswith("speedup") else None
    strategies = list(rows["combine"].unique())
    gap = min(0.06, 0.4 / len(strategies)) * axis.step
    labels = []
    for place, strategy in enumerate(strategies):
        line = rows[rows["combine"] == strategy].sort_values("tokens")
        look = look_of(strategy)
        shift = (place - (len(strategies) - 1) / 2) * gap
        x = line["tokens"].map(axis.at) + shift
        # A line breaks where the strategy has no time, and at 0, which has no place on a log axis.
        joined = line.set_index("tokens")[measure].reindex(sorted(rows["tokens"].unique()))
        path = [axis.at[tokens] + shift if tokens > 0 else math.nan for tokens in joined.index]
        name = f"line:{strategy}:{ax.figure.axes.index(ax)}"
        ax.plot(path, joined, look.line, color=look.colour, linewidth=1.4, gid=name)
        ax.vlines(x, line[f"{stem}_low"], line[f"{stem}_high"], look.colour, linewidth=1.1)
        resolved = ~speedup_unresolved(line, speedup) if speedup else line[measure].notna()
        for chosen, fill in ((resolved, look.colour), (~resolved, "white")):
            ax.plot(
                x[chosen], line.loc[chosen, measure], look.marker, color=look.colour,
                markerfacecolor=fill, markersize=5.5, markeredgewidth=1.1, zorder=3,
            )
        end = line.iloc[-1]
        words = [strategy, text(end[measure])]
        if end["tokens"] != axis.tokens[-1]:
            words.append(f"at {end['tokens']}")
        if end["baseline"]:
            words.append("(baseline)")
        labels.append(EndLabel(x.iloc[-1], end[measure], " ".join(words), look))
    return labels


def speedup_unresolved(rows: pd.DataFrame, metric: str) -> pd.Series:
    """Also true where there is no interval: then nothing is resolved either."""
    apart = (rows[f"{metric}_low"] > 1) | (rows[f"{metric}_high"] < 1)
    return ~apart & ~rows["baseline"]


def log_limits(values: pd.DataFrame, always: float | None = None) -> tuple[float, float]:
    values = values.where(values > 0)
    low, high = values.min().min(), values.max().max()
    if always is not None:
        low, high = min(low, always), max(high, always)
    margin = max((high / low) ** 0.06, 1.04)
    return low / margin, high * margin


class Chart:
    """One kind of figure: which rows it can show, what it finds in them, how it draws a panel."""

    name: str
    ylabel: str
    key: str  # How to read the marks.
    log: bool
    axis: Callable[[set[int]], TokenAxis]
    amount_text: Callable[[float], str]

    def usable(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows

    def finding(self, rows: pd.DataFrame) -> Finding:
        raise NotImplementedError

    def caption(self, rows: pd.DataFrame) -> str:
        return ""

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis) -> Painted:
        raise NotImplementedError


class SpeedupChart(Chart):
    key = (
        "Vertical bars: 95 % intervals. Hollow: the interval contains 1, not resolved."
        " Numbers at the line ends: the largest token count."
    )
    ylabel = "speed-up over the baseline (×, log scale)"
    log = True
    axis = staticmethod(log_axis)
    amount_text = staticmethod(ratio_text)

    def __init__(self, name: str, what: str):
        self.name, self.what = name, what

    def usable(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows[self.name].notna()]

    def finding(self, rows: pd.DataFrame) -> Finding:
        return speedup_finding(rows, self.name, self.what)

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis) -> Painted:
        ax.axhline(1, color="#BBBBBB", linewidth=0.8, zorder=0)
        labels = draw_lines(ax, rows, axis, self.name, ratio_text)
        bounds = rows[[self.name, f"{self.name}_low", f"{self.name}_high"]]
        return Painted(labels, *log_limits(bounds, always=1.0))


class LatencyChart(Chart):
    name = "latency"
    key = "Vertical bars: 95 % intervals. Numbers at the line ends: the largest token count."
    ylabel = "output step, median (µs, log scale)"
    log = True
    axis = staticmethod(log_axis)
    amount_text = staticmethod(time_text)

    def finding(self, rows: pd.DataFrame) -> Finding:
        return latency_finding(rows)

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis) -> Painted:
        labels = draw_lines(ax, rows, axis, "output_us_median", time_text)
        bounds = rows[["output_us_median", "output_us_low", "output_us_high"]]
        return Painted(labels, *log_limits(bounds))


def phase_split(rows: pd.DataFrame) -> pd.DataFrame:
    """The phases of each row in microseconds. A fused strategy has no combine of its own: local
    combine and exchange are one pass, which is its output step."""
    split = rows[list(PHASES)].copy()
    fused = split["combine_us_median"].isna()
    split.loc[fused, "local_combine_us_median"] = 0.0
    split.loc[fused, "combine_us_median"] = rows.loc[fused, "output_us_median"]
    return split.fillna(0.0)


def best_fused(rows: pd.DataFrame) -> str | None:
    """The reduce-scatter strategy (else any rival) with the highest mean log speed-up."""
    rivals = rows[~rows["baseline"]]
    scattered = rivals[rivals["combine"].str.startswith("reduce_scatter")]
    rivals = rivals if scattered.empty else scattered
    if rivals.empty:
        return None
    score = rivals["speedup_output"].map(math.log, na_action="ignore").groupby(rivals["combine"])
    return str(score.mean().fillna(-math.inf).idxmax())


class PhaseChart(Chart):
    name = "phases"
    key = (
        "Bar height: time of the layer without marks in it, as a share of the baseline's; on top"
        " the time itself. Its split: shares in a separate run with marks."
    )
    ylabel = "share of the baseline's layer time (%)"
    log = False
    axis = staticmethod(bar_axis)
    amount_text = staticmethod(percent_text)
    bar_width = 0.4

    def usable(self, rows: pd.DataFrame) -> pd.DataFrame:
        rows = rows[(rows["layer_us_median"] > 0) & (phase_split(rows).sum(axis=1) > 0)]
        return rows[rows["tokens"].isin(rows.loc[rows["baseline"], "tokens"])]

    def finding(self, rows: pd.DataFrame) -> Finding:
        return phases_finding(rows)

    def caption(self, rows: pd.DataFrame) -> str:
        base = rows.loc[rows["baseline"], "combine"].iloc[0]
        rival = best_fused(rows)
        if rival is None:
            return f"bars: {base}"
        text = f"left bars: {base}; right bars: {rival}"
        fused = rows.loc[rows["combine"] == rival, "combine_us_median"].isna().all()
        return f"{text}, its combine with the local combine in it" if fused else text

    def paint(self, ax: Axes, rows: pd.DataFrame, axis: TokenAxis) -> Painted:
        base = rows[rows["baseline"]].set_index("tokens")
        rival = rows[rows["combine"] == best_fused(rows)].set_index("tokens")
        labels: dict[str, EndLabel] = {}
        highest = 100.0
        sides = ((0.0, base),) if rival.empty else ((-0.5, base), (0.5, rival))
        for side, bars in sides:
            heights = phase_split(bars)
            heights = heights.div(heights.sum(axis=1), axis=0)
            relative = 100 * bars["layer_us_median"] / base["layer_us_median"].reindex(bars.index)
            heights = heights.mul(relative, axis=0).sort_index()
            highest = max(highest, relative.max())
            for tokens, stack in heights.iterrows():
                x = axis.at[tokens] + side * (self.bar_width + 0.03)
                # The last bar that has a phase labels it.
                labels |= self.draw_bar(ax, x, stack)
                time = time_text(bars.loc[tokens, "layer_us_median"])
                ax.annotate(
                    time, (x, stack.sum()), (0, 3), textcoords="offset points", ha="center",
                    va="bottom", rotation=90, fontsize=7, color=INK,
                )
        return Painted(list(labels.values()), 0, highest * 1.2)

    def draw_bar(self, ax: Axes, x: float, stack: pd.Series) -> dict[str, EndLabel]:
        labels = {}
        bottom = 0.0
        for column, (name, colour) in PHASES.items():
            height = stack[column]
            if height <= 0:
                continue
            ax.bar(x, height, self.bar_width, bottom, color=colour, edgecolor="white", lw=0.4)
            if height >= 5:
                ax.text(
                    x, bottom + height / 2, f"{height:.0f}", ha="center", va="center", fontsize=6.5,
                    color="white" if sum(to_rgb(colour)) < 1.45 else INK,
                )
            middle = bottom + height / 2
            labels[column] = EndLabel(x + self.bar_width / 2, middle, name, Look(colour, "-", "s"))
            bottom += height
        return labels


CHARTS = (
    SpeedupChart("speedup_output", "the output step"),
    SpeedupChart("speedup_layer", "the whole layer"),
    PhaseChart(),
    LatencyChart(),
)


# --- Layout, in points --------------------------------------------------------------------------

PANEL_WIDTH = {1: 430, 2: 310, 3: 265}
PANEL_HEIGHT = 215
LEFT, EDGE = 56, 12  # Left of the panels: tick labels and the axis label.
HEAD_GAP, PANEL_GAP = 8, 4  # Below the head of the figure; between a panel and its title.
AXIS_LABELS, BETWEEN = 42, 40  # Below a panel; between two panels, for tick labels.
TITLE_SIZE, FACTS_SIZE, PANEL_SIZE, LABEL_SIZE, NOTE_SIZE = 13, 8.5, 9.5, 8, 7.5
LABEL_GAP = 1.28 * LABEL_SIZE
LINE = 1.35


def text_width(text: str, size: float, weight: str = "normal") -> float:
    font = FontProperties(size=size, weight=weight)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]


def wrap(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Breaks between words; only a word wider than a line, such as a path, is broken itself."""
    characters = max(10, int(width / text_width("n", size, weight)))
    words = [part for word in text.split() for part in textwrap.wrap(word, characters)]
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def push_apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places nearest to the wanted ones (least squares) in [low, high], at least gap apart."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    # With i*gap taken off, "gap apart" is "not falling": pool the neighbours that fall.
    pools: list[list[float]] = []
    for place, i in enumerate(order):
        pools.append([wanted[i] - place * gap])
        while len(pools) > 1 and fmean(pools[-2]) > fmean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    free = [fmean(pool) for pool in pools for _ in pool]
    top = max(low, high - (len(wanted) - 1) * gap)
    placed = [0.0] * len(wanted)
    for place, i in enumerate(order):
        placed[i] = min(max(free[place], low), top) + place * gap
    return placed


@dataclass(frozen=True)
class PanelSize:
    """All panels of a figure are of one size. labels: the room for labels right of the axes."""

    columns: int
    width: float
    height: float
    labels: float

    def left(self, column: int) -> float:
        return LEFT + column * (self.width + self.labels + BETWEEN)

    @property
    def room(self) -> float:
        """From the left edge of the first axes to the right edge of the last labels."""
        return self.left(self.columns) - BETWEEN - LEFT


def panel_size(columns: int, painted: Collection[Painted]) -> PanelSize:
    widest = max(text_width(label.text, LABEL_SIZE) for part in painted for label in part.labels)
    most = max(len(part.labels) for part in painted)
    height = max(PANEL_HEIGHT, most * LABEL_GAP)
    return PanelSize(columns, PANEL_WIDTH[columns], height, widest + 20)


@dataclass(frozen=True)
class Block:
    """Lines of text of one size; heights and sizes in points."""

    lines: list[str]
    size: float
    colour: str = INK
    weight: str = "normal"

    @property
    def height(self) -> float:
        return LINE * self.size * len(self.lines)


def wrapped(text: str, width: float, size: float, **style: str) -> Block:
    return Block(wrap(text, width, size, style.get("weight", "normal")), size, **style)


@dataclass(frozen=True)
class Texts:
    head: list[Block]
    titles: dict[str, list[Block]]  # By the label of the panel.
    foot: list[Block]

    def title_height(self, row: list[Panel | None]) -> float:
        titles = [self.titles[panel.label] for panel in row if panel]
        return max(sum(block.height for block in title) for title in titles)


class Sheet:
    """A figure that is filled from the top. y is the lower edge of what is filled, in points."""

    def __init__(self, figure: Figure, width: float, height: float):
        self.figure, self.width, self.height, self.y = figure, width, height, height - EDGE
        figure.set_size_inches(width / 72, height / 72)

    def write(self, blocks: Sequence[Block], x: float = LEFT) -> None:
        for block in blocks:
            for line in block.lines:
                self.y -= LINE * block.size
                self.figure.text(
                    x / self.width, (self.y + 0.3 * block.size) / self.height, line,
                    fontsize=block.size, color=block.colour, weight=block.weight, va="baseline",
                )

    def place(self, ax: Axes, x: float, size: PanelSize) -> None:
        """Puts the axes with their upper edge at y."""
        self.y -= size.height
        ax.set_position((
            x / self.width, self.y / self.height,
            size.width / self.width, size.height / self.height,
        ))


def nice_ticks(low: float, high: float, log: bool, most: int = 9) -> list[float]:
    if not log or high / low < 4:
        steps = (digit * 10.0**power for power in range(-4, 7) for digit in (1, 2, 5))
        step = next(step for step in steps if (high - low) / step <= most)
        return [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [digit * 10.0**power for power in powers for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= most:
            break
    return ticks


def set_axes(
    ax: Axes, axis: TokenAxis, chart: Chart, limits: tuple[float, float], width: float
) -> None:
    if chart.log:
        ax.set_yscale("log")
    ax.set_ylim(limits)
    ax.set_xlim(axis.limits)
    ticks = nice_ticks(*limits, chart.log)
    ax.yaxis.set_major_locator(FixedLocator(ticks))
    ax.set_yticklabels([f"{tick:.6g}" for tick in ticks])
    ax.yaxis.set_minor_locator(NullLocator())
    ax.grid(axis="y", color="#E8E8E8", linewidth=0.6)
    ax.set_axisbelow(True)
    shown = readable_ticks(axis, width)
    ax.xaxis.set_major_locator(FixedLocator([axis.at[tokens] for tokens in shown]))
    ax.set_xticklabels([str(tokens) for tokens in shown])
    ax.tick_params(length=3, color="#888888", labelsize=8)


def readable_ticks(axis: TokenAxis, width: float) -> list[int]:
    """From the right, the token counts whose numbers do not touch."""
    shown: list[int] = []
    edge = math.inf
    low, high = axis.limits
    for tokens in reversed(axis.tokens):
        middle = (axis.at[tokens] - low) / (high - low) * width
        half = text_width(str(tokens), 8) / 2
        if middle + half <= edge:
            shown.append(tokens)
            edge = middle - half - 5
    return shown[::-1]


def write_labels(ax: Axes, labels: Sequence[EndLabel], size: PanelSize) -> None:
    width, height = size.width, size.height
    to_panel = ax.transData + ax.transAxes.inverted()
    ends = [to_panel.transform((label.x, label.y)) for label in labels]
    places = push_apart([end[1] * height for end in ends], LABEL_GAP, 0, height - 4)
    for label, (x, y), place in zip(labels, ends, places):
        marker_at = 1 + 12 / width
        at = place / height
        line = {"color": label.look.colour, "transform": ax.transAxes, "clip_on": False}
        ax.add_line(Line2D([x, 1, marker_at], [y, at, at], linewidth=0.5, alpha=0.8, **line))
        ax.add_line(Line2D([marker_at], [at], marker=label.look.marker, markersize=4.5, **line))
        ax.text(
            1 + 18 / width, at, label.text, transform=ax.transAxes, fontsize=LABEL_SIZE,
            color=INK, va="center_baseline",
        )


def draw(page: Page, chart: Chart) -> Figure | None:
    """The chart of a page, or None when none of the page's rows carries what it shows."""
    grid = usable_grid(page, chart)
    if not grid:
        return None
    figure = Figure(facecolor="white")
    panels = [panel for row in grid for panel in row if panel]
    axis = chart.axis({tokens for panel in panels for tokens in panel.rows["tokens"]})
    axes = {panel.label: figure.add_axes((0, 0, 1, 1), label=panel.label) for panel in panels}
    painted = {panel.label: chart.paint(axes[panel.label], panel.rows, axis) for panel in panels}

    size = panel_size(len(grid[0]), painted.values())
    limits = min(part.low for part in painted.values()), max(part.high for part in painted.values())
    texts = texts_of(page, chart, panels, size)

    sheet = Sheet(figure, LEFT + size.room + EDGE, figure_height(grid, size, texts))
    sheet.write(texts.head)
    top = sheet.y - HEAD_GAP
    for row in grid:
        for column, panel in enumerate(row):
            if panel is None:
                continue
            ax, x = axes[panel.label], size.left(column)
            sheet.y = top
            sheet.write(texts.titles[panel.label], x)
            sheet.y = top - texts.title_height(row) - PANEL_GAP
            sheet.place(ax, x, size)
            set_axes(ax, axis, chart, limits, size.width)
            ax.set_xlabel(axis.title, color=MUTED)
            if column == 0 or row[column - 1] is None:
                ax.set_ylabel(chart.ylabel, color=MUTED)
            write_labels(ax, painted[panel.label].labels, size)
        top = sheet.y - AXIS_LABELS
    sheet.y = top
    sheet.write(texts.foot)
    return figure


def figure_height(grid: list[list[Panel | None]], size: PanelSize, texts: Texts) -> float:
    height = 2 * EDGE + HEAD_GAP + sum(block.height for block in (*texts.head, *texts.foot))
    for row in grid:
        height += texts.title_height(row) + PANEL_GAP + size.height + AXIS_LABELS
    return height


def usable_grid(page: Page, chart: Chart) -> list[list[Panel | None]]:
    """The page's panels with only the rows that the chart can show."""

    def usable(panel: Panel | None) -> Panel | None:
        rows = chart.usable(panel.rows) if panel else None
        return None if rows is None or rows.empty else replace(panel, rows=rows)

    grid = [[usable(panel) for panel in row] for row in page.grid]
    return [row for row in grid if any(row)]


def texts_of(page: Page, chart: Chart, panels: list[Panel], size: PanelSize) -> Texts:
    """Functional rows get no finding: it would be about speed."""
    functional = page.claim == "functional"
    findings = [(panel.label, chart.finding(panel.rows)) for panel in panels]
    headline, complete = join_findings(findings, chart.amount_text)
    if functional:
        headline, complete = CLAIM_TEXT[page.claim], True
    colour = WARNING if functional else INK
    head = [wrapped(headline, size.room, TITLE_SIZE, colour=colour, weight="bold")]
    head += [wrapped(fact, size.room, FACTS_SIZE, colour=MUTED) for fact in page.facts]
    if not functional:
        colour = WARNING if page.claim == "memory" else MUTED
        head.append(Block([CLAIM_TEXT[page.claim]], FACTS_SIZE, colour, "bold"))

    width = size.width + size.labels
    titles = {}
    for panel, (label, finding) in zip(panels, findings):
        below = ["" if complete else finding.text, chart.caption(panel.rows)]
        titles[label] = [wrapped(label, width, PANEL_SIZE, weight="bold")]
        titles[label] += [wrapped(text, width, LABEL_SIZE) for text in below]
    foot = [wrapped(note, size.room, NOTE_SIZE, colour=MUTED) for note in (chart.key, *page.notes)]
    return Texts(head, titles, foot)


# --- Command line -------------------------------------------------------------------------------


class OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ResultsError(message)


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(description="Draws the charts of results sets of bench_moe_comm.")
    parser.add_argument("results", nargs="+", help="CSV files, or folders with a results.csv")
    parser.add_argument("--out", required=True, type=Path, help="folder for the charts")
    parser.add_argument("--format", default="png,svg", help="of png, svg (default: both)")
    options = parser.parse_args(arguments)
    options.format = list(dict.fromkeys(options.format.split(",")))
    for unknown in sorted(set(options.format) - set(FORMATS)):
        raise ResultsError(f"unknown format {unknown!r}, known: {', '.join(FORMATS)}")
    return options


def write_charts(pages: list[Page], out: Path, formats: Sequence[str]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for page in pages:
            for chart in CHARTS:
                figure = draw(page, chart)
                name = f"{chart.name}{page.suffix}"
                if figure is None:
                    print(f"{name}: not drawn, no row has its times")
                    continue
                for form in formats:
                    file = out / f"{name}.{form}"
                    figure.savefig(file, dpi=150, metadata=METADATA[form])
                    print(file)
    except OSError as error:
        raise ResultsError(f"cannot write {error.filename or out}: {error.strerror}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    try:
        options = parse_arguments(arguments)
        pages = make_pages(moe_results.read_results(options.results))
        with style.context(["default", STYLE]):
            write_charts(pages, options.out, options.format)
    except ResultsError as error:
        # One line, whatever an obstacle text or a file name holds.
        print("plot.py:", *str(error).split(), file=sys.stderr)
        return 2
    for note in dict.fromkeys(note for page in pages for note in page.notes):
        print(note)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The verdict in words: what to set for decode and for prefill steps, computed from the cells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from charts.format import listed, ratio_text
from charts.subtitle import claim_text
from crossovers.crossing import crossings_of
from crossovers.series import LOSES, WINS, Point, verdict_of
from html_report.cells import Cell, by_panel
from moe_results import AGAINST, CLAIMS, NO_VERDICT
from reference import ENGINE_FORM
from setting_names import load_order
from winner import WON, winner_of

# Rows that do not say their phase are of decode up to this many tokens for each DP rank: the
# largest batch that SGLang 0.5.23 captures as a graph (bench/engines/sglang-0.5.23.json).
LARGEST_DECODE = 512
DECODE, PREFILL = "decode", "prefill"
MOST_CROSSINGS = 3  # In a sentence; more are left to the table.
# How engines run these steps, where rows were taken in several ways.
AS_RUN = {DECODE: {"graph": "on", "sms": "default"}, PREFILL: {"graph": "off", "sms": "default"}}


@dataclass(frozen=True)
class Verdict:
    title: str  # The phase, with what it was computed from.
    headline: str
    facts: list[str]


@dataclass(frozen=True)
class Tally:
    """One strategy over the cases of a phase, against the reference."""

    combine: str
    cells: list[Cell]

    def having(self, verdict: str) -> list[Cell]:
        return [cell for cell in self.cells if verdict_of(cell.over_engine) == verdict]

    @property
    def wins(self) -> list[Cell]:
        return self.having(WINS)

    @property
    def loses(self) -> list[Cell]:
        return self.having(LOSES)

    @property
    def text(self) -> str:
        faster, slower = self.wins, self.loses
        parts = []
        if faster:
            parts.append(f"faster in {len(faster)} ({range_of(faster)})")
        if slower:
            parts.append(f"slower in {len(slower)} ({range_of(slower)})")
        left = len(self.cells) - len(faster) - len(slower)
        if left:
            parts.append(f"not resolved in {left}")
        count = len(self.cells)
        return f"{self.combine}: of {count} case{'s' * (count > 1)} {listed(parts)}"


def verdicts_of(cells: Sequence[Cell]) -> list[Verdict]:
    """One for each phase that the cells have; none where the claim of all allows none."""
    usable = [cell for cell in cells if cell.over_engine["claim"] not in NO_VERDICT]
    parts: dict[str, list[Cell]] = {}
    for cell in usable:
        parts.setdefault(phase_of(cell), []).append(cell)
    order = sorted(parts, key=lambda phase: (phase != DECODE, phase))
    return [verdict_of_phase(phase, as_engines_run(parts[phase], phase)) for phase in order]


def phase_of(cell: Cell) -> str:
    row = cell.over_engine
    if row["phase"]:
        return str(row["phase"])
    return DECODE if cell.tokens <= LARGEST_DECODE * int(row["dp"]) else PREFILL


def as_engines_run(cells: list[Cell], phase: str) -> list[Cell]:
    for column, value in AS_RUN.get(phase, {}).items():
        cells = [cell for cell in cells if cell.over_engine[column] == value] or cells
    return cells


def verdict_of_phase(phase: str, cells: list[Cell]) -> Verdict:
    tallies = tallies_of(cells)
    names = {str(cell.over_engine[AGAINST]) for cell in cells}
    settable = [one for one in tallies
                if any(cell.over_engine["engine_path"] for cell in one.cells)]
    headline = headline_of(settable or tallies, listed(sorted(names)), bool(settable))
    facts = [f"{one.text}. {passing_text(one)}{paths_text(one)}".strip() for one in settable]
    facts.append(fastest_text(cells))
    return Verdict(title_of(phase, cells), headline, [fact for fact in facts if fact])


def tallies_of(cells: Iterable[Cell]) -> list[Tally]:
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        if not cell.is_reference:
            found.setdefault(cell.combine, []).append(cell)
    return [Tally(combine, part) for combine, part in found.items()]


def headline_of(tallies: Sequence[Tally], reference: str, settable: bool) -> str:
    """settable: these are the forms that an engine's flag can choose instead."""
    clear = [one for one in tallies if one.wins and not one.loses]
    if clear:
        best = max(clear, key=lambda one: (len(one.wins), mean_gain(one.wins)))
        return (f"{'Set ' * settable}{best.combine}: faster than {reference} in {len(best.wins)} of"
                f" {len(best.cells)} cases, slower in none")
    mixed = [one.combine for one in tallies if one.wins]
    if mixed:
        who = listed(mixed) if len(mixed) <= 3 else f"{len(mixed)} forms"
        are = "is" if len(mixed) == 1 else "are"
        return (f"It depends on size and load: {who} {are} faster than {reference} in some cases"
                " and slower in others, see the crossovers")
    what = "form that an engine can be set to" if settable else "other form"
    return f"Keep {reference}: no {what} is faster in any case"


def mean_gain(cells: Sequence[Cell]) -> float:
    return sum(cell.over_engine["speedup_output"] for cell in cells) / len(cells)


def range_of(cells: Sequence[Cell]) -> str:
    ratios = [cell.over_engine["speedup_output"] for cell in cells]
    return " to ".join(dict.fromkeys(map(ratio_text, (min(ratios), max(ratios)))))


def passing_text(tally: Tally) -> str:
    """Between which sizes it passes the reference or falls behind it, and at which loads."""
    loads: dict[str, list[str]] = {}
    for cells in by_panel(tally.cells).values():
        points = sorted((Point.of(cell.over_engine) for cell in cells), key=lambda one: one.tokens)
        for crossing in crossings_of(points):
            verb = "passes it" if crossing.above.verdict == WINS else "falls behind"
            where = f"{verb} between {crossing.below.tokens} and {crossing.above.tokens} tokens"
            loads.setdefault(where, []).append(str(cells[0].over_engine["load"]))
    if not loads or len(loads) > MOST_CROSSINGS:
        return ""
    parts = [f"{where} ({', '.join(sorted(set(those), key=load_order))})"
             for where, those in loads.items()]
    return f"It {listed(parts)}. "


def paths_text(tally: Tally) -> str:
    paths = {path for cell in tally.cells
             for path in str(cell.over_engine["engine_path"]).split(";") if path}
    return f"Run by {', '.join(sorted(paths))}." if paths else ""


def fastest_text(cells: Iterable[Cell]) -> str:
    """Of all forms, whether an engine has them or not: the one that is fastest most often."""
    cases: dict[tuple, list[Cell]] = {}
    for cell in cells:
        cases.setdefault((cell.panel, cell.tokens), []).append(cell)
    won: dict[str, list[Cell]] = {}
    for case in cases.values():
        winner = winner_of([cell.over_engine for cell in case])
        if winner["kind"] == WON:
            fastest = next(cell for cell in case if cell.combine == winner["winner"])
            won.setdefault(fastest.combine, []).append(fastest)
    if not won:
        return f"Of all forms none is resolved to be the fastest in any of {len(cases)} cases."
    name, part = max(won.items(), key=lambda item: len(item[1]))
    gain = "" if part[0].is_reference else f", {range_of(part)}"
    return f"Of all forms {name} is the fastest in {len(part)} of {len(cases)} cases{gain}."


def title_of(phase: str, cells: Sequence[Cell]) -> str:
    by_size = not any(cell.over_engine["phase"] for cell in cells)
    sizes = {DECODE: f"up to {LARGEST_DECODE} tokens for each DP rank",
             PREFILL: f"above {LARGEST_DECODE} tokens for each DP rank"}
    graphs = {str(cell.over_engine["graph"]) for cell in cells}
    how = {frozenset({"on"}): "in a CUDA graph", frozenset({"off"}): "eager"}.get(frozenset(graphs))
    words = [sizes[phase] if by_size else "", how or "eager and in CUDA graphs"]
    return f"{phase.capitalize()}: {', '.join(filter(None, words))}"


def basis_of(cells: Sequence[Cell]) -> str:
    """Against which all-reduce, and what the numbers claim."""
    names = sorted({str(cell.over_engine[AGAINST]) for cell in cells})
    text = f"Against {listed(names)}"
    if names == [ENGINE_FORM]:
        text += ", the all-reduce that SGLang chooses by size and ranks, with dp_scatter"
    elif ENGINE_FORM not in names:
        text += ": these rows have no time of the all-reduce that engines choose by size"
    backends: dict[str, set[str]] = {}
    for cell in cells:
        row = cell.over_engine
        backends.setdefault(str(row["claim"]), set()).add(str(row["backend"]))
    claims = [claim_text(claim, backends[claim]) for claim in CLAIMS if claim in backends]
    return f"{text}. {'; '.join(claims)}."

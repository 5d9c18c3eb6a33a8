"""The verdict in words: what to set for decode and for prefill steps, computed from the cells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from charts.format import count_text, listed, sentence
from charts.caption import claim_text, reference_text
from html_report.cells import Cell
from html_report.tally import Tally, range_of, tallies_of
from moe_results import AGAINST, CLAIMS, NO_VERDICT
from reference import ENGINE_FORM
from winner import WON, winner_of

# Rows that do not say their phase are of decode up to this many tokens for each DP rank: the
# largest batch that SGLang 0.5.23 captures as a graph (bench/engines/sglang-0.5.23.json).
LARGEST_DECODE = 512
DECODE, PREFILL = "decode", "prefill"
SIZES = {DECODE: f"up to {LARGEST_DECODE} tokens for each DP rank",
         PREFILL: f"above {LARGEST_DECODE} tokens for each DP rank"}
# How engines run these steps, where rows were taken in several ways.
AS_RUN = {DECODE: {"graph": "on", "sms": "default"}, PREFILL: {"graph": "off", "sms": "default"}}
GRAPHS = {("on",): "in a CUDA graph", ("off",): "eager", ("off", "on"): "eager and in CUDA graphs"}


@dataclass(frozen=True)
class Verdict:
    title: str  # The phase, with what it was computed from.
    headline: str
    facts: list[str]


def verdicts_of(cells: Iterable[Cell]) -> list[Verdict]:
    """One for each phase that the cells have; none where the claim of all allows none."""
    phases: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.over_engine["claim"] not in NO_VERDICT:
            phases.setdefault(phase_of(cell), []).append(cell)
    order = sorted(phases, key=lambda phase: (phase != DECODE, phase))
    return [verdict_on(phase, as_engines_run(phases[phase], phase)) for phase in order]


def phase_of(cell: Cell) -> str:
    row = cell.over_engine
    if row["phase"]:
        return str(row["phase"])
    return DECODE if cell.tokens <= LARGEST_DECODE * int(row["dp"]) else PREFILL


def as_engines_run(cells: list[Cell], phase: str) -> list[Cell]:
    for column, value in AS_RUN.get(phase, {}).items():
        cells = [cell for cell in cells if cell.over_engine[column] == value] or cells
    return cells


def verdict_on(phase: str, cells: list[Cell]) -> Verdict:
    tallies = tallies_of(cells)
    engines_have = [one for one in tallies if one.engine_paths]
    references = [Tally(name, [cell for cell in cells if cell.combine == name])
                  for name in references_of(cells)]
    headline = headline_of(engines_have or tallies, references, bool(engines_have))
    facts = [*(one.text for one in engines_have), fastest_text(cells)]
    return Verdict(title_of(phase, cells), headline, facts)


def references_of(cells: Iterable[Cell]) -> list[str]:
    return sorted({str(cell.over_engine[AGAINST]) for cell in cells})


def headline_of(
    tallies: Sequence[Tally], references: Sequence[Tally], engines_have: bool
) -> str:
    """engines_have: these are the forms that an engine can run instead of the references."""
    reference = listed([one.combine for one in references])
    clear = [one for one in tallies if one.wins and not one.loses]
    if clear:
        best = max(clear, key=rank)
        return (f"{'Take ' * engines_have}{best.name}: faster than {reference} in"
                f" {len(best.wins)} of {count_text(len(best.cells), 'case')}, slower in none")
    mixed = [one for one in tallies if one.wins]
    if mixed:
        best = max(mixed, key=rank)
        return (f"It depends on size and load: {best.name} is faster than {reference} in"
                f" {len(best.wins)} of {count_text(len(best.cells), 'case')} and slower in"
                f" {len(best.loses)}, see the crossovers")
    if engines_have:
        names = listed([one.name for one in references])
        return f"Take {names}: no form that an engine can run instead is faster in any case"
    return f"{reference}: no other form is faster in any case"


def rank(tally: Tally) -> tuple[int, float]:
    return len(tally.wins) - len(tally.loses), tally.gain


def title_of(phase: str, cells: Iterable[Cell]) -> str:
    rows = [cell.over_engine for cell in cells]
    size = SIZES.get(phase, "") if not any(row["phase"] for row in rows) else ""
    how = GRAPHS.get(tuple(sorted({str(row["graph"]) for row in rows})), "")
    return f"{phase.capitalize()}: {', '.join(filter(None, (size, how)))}"


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
    count = count_text(len(cases), "case")
    if not won:
        return f"Of all forms none is resolved to be the fastest in any of {count}."
    name, part = max(won.items(), key=lambda item: len(item[1]))
    gain = "" if part[0].is_reference else f", {range_of(part)}"
    return f"Of all forms {name} is the fastest in {len(part)} of {count}{gain}."


def basis_of(cells: Sequence[Cell]) -> str:
    """Against which all-reduce, and what the numbers claim."""
    rows = [cell.over_engine for cell in cells]
    names = references_of(cells)
    text = f"Against {listed(names)}"
    if names == [ENGINE_FORM]:
        text += ", the all-reduce that SGLang chooses by size and ranks, with dp_scatter"
    elif ENGINE_FORM not in names:
        words = {reference_text(str(row[AGAINST]), str(row["backend"])) for row in rows}
        text += "".join(f", {word}" for word in sorted(words - {*names}))
        text += ": these rows have no time of the all-reduce that engines choose by size"
    backends: dict[str, set[str]] = {}
    for row in rows:
        backends.setdefault(str(row["claim"]), set()).add(str(row["backend"]))
    claims = [claim_text(claim, backends[claim]) for claim in CLAIMS if claim in backends]
    return f"{text}. {sentence('; '.join(claims))}."

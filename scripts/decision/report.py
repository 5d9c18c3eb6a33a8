"""verdict.md and verdict.json of a decision."""

from collections.abc import Sequence

from decision.beside import BesidePrice
from decision.decision import Decision, PhaseVerdict
from decision.format import gain_text, ms_text
from decision.gain import LEAST_GAIN_PCT
from decision.judge import Assessment
from decision.plan import SKEWS
from decision.words import DEFAULT, sentences_of, title_of

COLUMNS = ("instead of {default}", "us of a layer", "ms of a step", "% of it",
           *(f"late by {skew} us, ms" for skew in SKEWS[1:]), "beside a GEMM, ms", "that GEMM, %", "")


def markdown_of(decision: Decision, notes: Sequence[str], provisional: str) -> str:
    lines = ["# Verdict", ""]
    if provisional:
        lines += [f"**{provisional}**", ""]
    for sentence in filter(None, [*sentences_of(decision), decision.setup.all_reduce]):
        lines += [sentence, ""]
    lines += ["Saved by each value, negative where it costs; in brackets the 95 % interval over"
              " launches. Of a layer and of a step with ranks in time, then with late ranks, then of"
              " the exchange and a GEMM beside it, until both have ended. Last what it adds to that"
              " GEMM's time.", ""]
    for phase in filter(None, [*decision.phases, decision.together]):
        lines += _section(decision, phase)
    lines += ["## Not covered", "", *(f"* {note}" for note in notes), ""]
    return "\n".join(lines)


def _section(decision: Decision, phase: PhaseVerdict) -> list[str]:
    step = f"a step takes {ms_text(phase.step_ms)} ms" if phase.step_ms else \
        "nobody says how long a step takes"
    name = title_of(phase)
    if phase.default_us is None:
        return [f"## {name}", "", "Too little of it was timed: give more --minutes.", ""]
    layers = decision.setup.layers
    lines = [f"## {name}", "", f"{phase.steps:,} steps; {step}; a layer takes"
             f" {phase.default_us:,.1f} us with {DEFAULT} ({decision.setup.engine.default}),"
             f" {layers} MoE layer{'s' * (layers != 1)}; {phase.launches} launches.", ""]
    operators = [*phase.flags(), *phase.of_kind("setting")]
    lines += _table(operators, decision)
    kernels = phase.of_kind("kernel")
    if kernels:
        lines += ["What a better kernel would give (no engine ships these):", "",
                  *_table(kernels, decision)]
    return lines


def _table(assessments: Sequence[Assessment], decision: Decision) -> list[str]:
    if not assessments:
        return []
    cells = [[column.format(default=DEFAULT) for column in COLUMNS], ["---"] * len(COLUMNS)]
    cells += [_cells(one, decision) for one in assessments]
    return ["| " + " | ".join(row) + " |" for row in cells] + [""]


def _cells(one: Assessment, decision: Decision) -> list[str]:
    flag = decision.setup.engine.flag
    name = f"`{flag} {one.candidate.name}`" if one.candidate.kind == "flag" else one.candidate.name
    price = one.candidate.setting.price if one.candidate.setting else ""
    verdict = "**set it**" if one.named else one.against
    words = "; ".join(filter(None, (verdict, f"price: {price}" if price else "")))
    if one.gain is None or one.priced.same_way:
        return [name, *[""] * (len(COLUMNS) - 2), words]
    us = one.gain.ms * 1000 / decision.setup.layers
    late = [gain_text(one.gains[skew]).replace(" ms", "") if skew in one.gains else ""
            for skew in SKEWS[1:]]
    return [name, f"{us:,.1f}", gain_text(one.gain).replace(" ms", ""),
            "" if one.gain.pct is None else f"{one.gain.pct:.2f}", *late, *_beside_cells(one.beside),
            words]


def _beside_cells(price: BesidePrice) -> list[str]:
    if price.together is None:
        return ["", ""]
    return [gain_text(price.together).replace(" ms", ""), f"{price.gemm_pct:+.1f}"]


def json_of(decision: Decision, notes: Sequence[str], provisional: str) -> dict:
    setup = decision.setup
    return {
        "sentences": sentences_of(decision), "provisional": provisional,
        "engine": setup.engine.name, "flag": setup.engine.flag, "default": setup.engine.default,
        "place": setup.place, "library": setup.nccl, "model": setup.model,
        "moe_layers": setup.layers, "dp": setup.dp, "ep": setup.ep, "steps": setup.steps,
        "all_reduce": setup.all_reduce,
        "least_gain_pct": LEAST_GAIN_PCT,
        "phases": [_phase_json(one, setup.layers) for one in decision.phases],
        "together": _phase_json(decision.together, setup.layers) if decision.together else None,
        "not_covered": list(notes),
    }


def _phase_json(phase: PhaseVerdict, layers: int) -> dict:
    named = phase.named()
    return {
        "phase": phase.phase, "steps": phase.steps, "step_ms": phase.step_ms,
        "default_layer_us": phase.default_us,
        "launches": phase.launches, "set": named.candidate.name if named else None,
        "candidates": [_candidate_json(one, layers) for one in phase.assessments],
    }


def _candidate_json(one: Assessment, layers: int) -> dict:
    return {
        "name": one.candidate.name, "kind": one.candidate.kind, "named": one.named,
        "against": one.against, "steps_timed": one.priced.steps if one.priced else 0,
        "price": one.candidate.setting.price if one.candidate.setting else "",
        "beside": _beside_json(one.beside, layers),
        "saved": {
            str(skew): {"layer_us": gain.ms * 1000 / layers, "step_ms": gain.ms,
                        "step_ms_interval": gain.interval, "step_pct": gain.pct}
            for skew, gain in one.gains.items()
        },
    }


def _beside_json(price: BesidePrice, layers: int) -> dict:
    """Of exchange and GEMM until both have ended, and by what the GEMM takes longer."""
    gain = price.together
    if gain is None:
        return {"why_not": price.why_not}
    return {"saved_layer_us": gain.ms * 1000 / layers, "saved_step_ms": gain.ms,
            "saved_step_ms_interval": gain.interval, "gemm_longer_pct": price.gemm_pct}

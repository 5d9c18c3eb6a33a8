"""The decision in sentences."""

from collections.abc import Iterable, Sequence

from decision.decision import Decision, PhaseVerdict, Setup
from decision.format import gain_text, joined_by_and, milliseconds, ms_text, with_article
from decision.gain import LEAST_GAIN_PCT
from decision.judge import Assessment
from decision.prices import beside_text, price_text
from decision.steps import ANY

DEFAULT = "auto"
# What steps are called that are of no one phase; "": of all phases together.
STEPS = {"": "mean step", ANY: "step"}
TITLES = {"": "All phases on the same nodes", ANY: "All steps"}


def sentences_of(decision: Decision) -> list[str]:
    """What to set where, then why nothing else is, then what nodes of several phases run."""
    if not decision.phases or not any(one.flags() for one in decision.phases):
        engine = decision.setup.engine
        return [f"{_heading(decision.setup)}{engine.title} has no other value of {engine.flag} that"
                f" keeps this exchange: nothing to set."]
    said = [_heading(decision.setup) + _of_value(decision, value) for value in _values(decision)]
    said += [f"{joined_by_and(phases).capitalize()}: {why}."
             for why, phases in _grouped((_why_not(phase), title_of(phase).lower())
                                         for phase in decision.phases) if why]
    said += [sentence for phase in decision.phases for sentence in _prices_of(phase)]
    if decision.together:
        said.append(_of_nodes_that_do_all(decision))
    return said


def _heading(setup: Setup) -> str:
    nccl = f" ({setup.nccl})" if setup.nccl else ""
    return (f"On {setup.place}{nccl}, {setup.model}, dp{setup.dp} ep{setup.ep},"
            f" {setup.steps}: ")


def _values(decision: Decision) -> list[str]:
    """Those named in some phase; where there is none, the best of the phase that gains most."""
    named = [one.candidate.name for phase in decision.phases if (one := phase.named())]
    if named:
        return list(dict.fromkeys(named))
    priced = [one for phase in decision.phases for one in phase.flags() if one.gain]
    others = [one for one in priced if not one.priced.same_way] or priced
    return [max(others, key=lambda one: one.gain.ms).candidate.name] if others else []


def _of_value(decision: Decision, value: str) -> str:
    flag = decision.setup.engine.flag
    phases = [(phase, one) for phase in decision.phases for one in phase.flags()
              if one.candidate.name == value]
    # What it saves comes first.
    phases.sort(key=lambda pair: not (pair[1].gain and pair[1].gain.is_a_gain()))
    clauses = _joined(_clause(phase, one) for phase, one in phases)
    return f"`{flag} {value}` instead of `{DEFAULT}` {clauses}: {_advice(decision, value)}."


def _joined(clauses: Iterable[tuple[str, str]]) -> str:
    return " and ".join(f"{does} {joined_by_and(steps)}" for does, steps in _grouped(clauses))


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Of pairs the first ones, each once, with all that are second beside it."""
    groups: dict[str, list[str]] = {}
    for first, second in pairs:
        groups.setdefault(first, []).append(second)
    return list(groups.items())


def _clause(phase: PhaseVerdict, one: Assessment) -> tuple[str, str]:
    """What the value does, and to which steps."""
    gain, name = one.gain, STEPS.get(phase.phase, f"{phase.phase} step")
    if gain is None:
        return "was timed too little in", with_article(name)
    if one.priced.same_way:
        return "changes nothing in", with_article(name)
    if one.priced.no_verdict:
        return "cannot be judged in", with_article(name)
    step = f"{with_article(ms_text(phase.step_ms))} ms {name}" if phase.step_ms else with_article(name)
    if gain.interval is None:
        seems = "seems to save" if gain.ms > 0 else "seems to cost"
        return f"{seems} {milliseconds(abs(gain.ms))} of", step
    if gain.is_a_gain():
        pct = "" if gain.pct is None else f" ({gain.pct:.1f} %)"
        return f"saves {gain_text(gain)} of", f"{step}{pct}"
    if gain.excludes_zero():
        return f"costs {milliseconds(-gain.ms)} of", step
    return "has no resolved effect on", f"{step} (saves {gain_text(gain)})"


def _advice(decision: Decision, value: str) -> str:
    where = [one.phase for one in decision.phases
             if (named := one.named()) and named.candidate.name == value]
    keep = [one.phase for one in decision.phases if not one.named()]
    if not where:
        return f"keep {DEFAULT}"
    if len(where) == len(decision.phases):
        return f"set {value}"
    kept = f", keep {DEFAULT} on {joined_by_and(keep)}" if keep else ""
    return f"set {value} on {joined_by_and(where)} nodes{kept}"


def _why_not(phase: PhaseVerdict) -> str:
    """Of the value that saves most in a phase where none is named; empty where that is plain."""
    if phase.named():
        return ""
    priced = [one for one in phase.flags() if one.gain]
    if not priced:
        return phase.flags()[0].against
    gains = [one for one in priced if not one.priced.same_way
             and (one.gain.ms > 0 or one.priced.no_verdict)]
    if not gains:
        return ""
    best = max(gains, key=lambda one: one.gain.ms)
    text = f"{best.candidate.name} is not named: {best.against}"
    if not best.priced.no_verdict and best.gain.pct is None and best.gain.is_a_gain():
        limit = best.gain.ms * 100 / LEAST_GAIN_PCT
        text += f"; it is that much where a step takes at most {ms_text(limit)} ms"
    return text


def _prices_of(phase: PhaseVerdict) -> list[str]:
    """What the named flag is worth beside compute, where that was priced; then the named settings."""
    flag = phase.named()
    said = []
    if flag and flag.beside.together:
        said.append(f"{title_of(phase)}: {beside_text(flag, flag.candidate.name)}.")
    return said + [_of_setting(phase, one) for one in phase.of_kind("setting") if one.named]


def _of_setting(phase: PhaseVerdict, one: Assessment) -> str:
    return (f"{title_of(phase)}: `{one.candidate.name}` {_joined([_clause(phase, one)])}: set it."
            f" Its price: {price_text(one)}.")


def title_of(phase: PhaseVerdict) -> str:
    return TITLES.get(phase.phase, phase.phase.capitalize())


def _of_nodes_that_do_all(decision: Decision) -> str:
    together = decision.together
    named = together.named()
    phases = joined_by_and([one.phase for one in decision.phases])
    if named:
        return (f"Nodes that do {phases} have one value for all: {named.candidate.name}"
                f" {_joined([_clause(together, named)])}.")
    return f"Nodes that do {phases} have one value for all: keep {DEFAULT}."

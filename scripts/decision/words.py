"""The decision in sentences."""

from collections.abc import Iterable, Sequence

from decision.decision import Decision, PhaseVerdict, Setup
from decision.judge import LEAST_GAIN_PCT, Assessment, Gain
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
    said += [f"{_and(phases).capitalize()}: {why}."
             for why, phases in _grouped((_why_not(phase), title_of(phase).lower())
                                         for phase in decision.phases) if why]
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
    return " and ".join(f"{does} {_and(steps)}" for does, steps in _grouped(clauses))


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
        return "was timed too little in", _a(name)
    if one.priced.same_way:
        return "changes nothing in", _a(name)
    if one.priced.no_verdict:
        return "cannot be judged in", _a(name)
    step = f"{_a(ms_text(phase.step_ms))} ms {name}" if phase.step_ms else _a(name)
    if gain.interval is None:
        seems = "seems to save" if gain.ms > 0 else "seems to cost"
        return f"{seems} {_ms(abs(gain.ms))} of", step
    if gain.is_a_gain():
        pct = "" if gain.pct is None else f" ({gain.pct:.1f} %)"
        return f"saves {gain_text(gain)} of", f"{step}{pct}"
    if gain.excludes_zero():
        return f"costs {_ms(-gain.ms)} of", step
    return "has no resolved effect on", f"{step} (saves {gain_text(gain)})"


def _advice(decision: Decision, value: str) -> str:
    where = [one.phase for one in decision.phases
             if (named := one.named()) and named.candidate.name == value]
    keep = [one.phase for one in decision.phases if not one.named()]
    if not where:
        return f"keep {DEFAULT}"
    if len(where) == len(decision.phases):
        return f"set {value}"
    kept = f", keep {DEFAULT} on {_and(keep)}" if keep else ""
    return f"set {value} on {_and(where)} nodes{kept}"


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


def title_of(phase: PhaseVerdict) -> str:
    return TITLES.get(phase.phase, phase.phase.capitalize())


def _of_nodes_that_do_all(decision: Decision) -> str:
    together = decision.together
    named = together.named()
    phases = _and([one.phase for one in decision.phases])
    if named:
        return (f"Nodes that do {phases} have one value for all: {named.candidate.name}"
                f" {_joined([_clause(together, named)])}.")
    return f"Nodes that do {phases} have one value for all: keep {DEFAULT}."


def _decimals(value: float) -> int:
    """One, or as many as a smaller number takes to be none of zeros."""
    count = 1
    while 0 < abs(value) * 10**count < 1 and count < 6:
        count += 1
    return count


def _ms(value: float) -> str:
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


def _a(words: str) -> str:
    """With the article of how it is read: an 8 ms step, an 18 ms step, a 148 ms step."""
    number = words.replace(",", "").split(".")[0].split(" ")[0]
    an = words[:1] in "aeiou" or number[:1] == "8" or number in ("11", "18")
    return f"{'an' if an else 'a'} {words}"


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

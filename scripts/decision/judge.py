"""Which value of the flag is worth setting in a phase, and why no other is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from decision.beside import BesidePrice
from decision.costs import Candidate, Priced
from decision.gain import LEAST_GAIN_PCT, Gain, gain_of, says_nothing


@dataclass(frozen=True)
class Assessment:
    """A candidate in a phase. `against`: why it is not named; empty: it is."""

    candidate: Candidate
    gains: Mapping[int, Gain]  # by skew
    priced: Priced | None  # with ranks in time
    against: str
    beside: BesidePrice

    @property
    def gain(self) -> Gain | None:
        return self.gains.get(0)

    @property
    def named(self) -> bool:
        return not self.against


def assess(priced: Mapping[Candidate, Mapping[int, Priced]], beside: Mapping[Candidate, BesidePrice],
           skews: Sequence[int], layers: int, step_ms: float | None) -> list[Assessment]:
    """All candidates of a phase, in the order of `beside`; at most one flag of them is named."""
    gains = {
        candidate: {skew: gain_of([us * layers / 1000 for us in one.saved_us.values()], step_ms)
                    for skew, one in priced.get(candidate, {}).items()}
        for candidate in beside
    }
    best = {skew: _best(gains, skew) for skew in skews}
    found = []
    for candidate, price in beside.items():
        own = priced.get(candidate, {})
        against = "too little of it was timed, give more --minutes"
        if 0 in own:
            against = (_like_another(own[0], found) or says_nothing(own[0])
                       or _not_worth_it(candidate, gains[candidate], best, skews, price))
        found.append(Assessment(candidate, gains[candidate], own.get(0), against, price))
    return found


def _best(gains: Mapping[Candidate, Mapping[int, Gain]], skew: int) -> Candidate | None:
    """The flag that saves most; None where none saves anything."""
    flags = [candidate for candidate, own in gains.items()
             if candidate.kind == "flag" and skew in own and own[skew].ms > 0]
    return max(flags, key=lambda candidate: gains[candidate][skew].ms, default=None)


def _like_another(priced: Priced, found: Sequence[Assessment]) -> str:
    """Values that take the same ways have the same times."""
    if priced.same_way:
        return "it runs what the default runs"
    for other in found:
        if other.priced is not None and other.priced.saved_us == priced.saved_us:
            return f"it runs what {other.candidate.name} runs"
    return ""


def _not_worth_it(candidate: Candidate, gains: Mapping[int, Gain],
                  best: Mapping[int, Candidate | None], skews: Sequence[int],
                  beside: BesidePrice) -> str:
    gain = gains[0]
    if gain.interval is None:
        return "too few launches for an interval"
    if not gain.excludes_zero():
        return "not resolved, the interval holds 0"
    if gain.ms < 0:
        return "slower"
    if candidate.kind == "kernel":
        return "no engine ships it"
    if candidate.setting and candidate.setting.takes_sms and beside.why_not:
        return f"takes multiprocessors, and was not priced beside compute: {beside.why_not}"
    if candidate.setting and beside.together and beside.together.is_a_loss():
        return "slower beside compute"
    if gain.pct is None:
        return (f"{LEAST_GAIN_PCT} % of a step could not be judged, nobody says how long one takes"
                " (--step-ms)")
    if not gain.suffices():
        return f"less than {LEAST_GAIN_PCT} % of the step"
    return _not_with_late_ranks(candidate, gains, best, skews)


def _not_with_late_ranks(candidate: Candidate, gains: Mapping[int, Gain],
                         best: Mapping[int, Candidate | None], skews: Sequence[int]) -> str:
    for skew in skews:
        if skew not in gains:
            return f"not measured with ranks up to {skew} us late"
        if candidate.kind == "flag" and best[skew] != candidate:
            other = best[skew].name if best[skew] else "the default"
            late = f" with ranks up to {skew} us late" if skew else ""
            return f"{other} is better{late}"
        if not gains[skew].suffices():
            return f"less than {LEAST_GAIN_PCT} % of the step with ranks up to {skew} us late"
    return ""

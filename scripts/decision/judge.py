"""Which value of the flag is worth setting in a phase, and why no other is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from decision.costs import Candidate, Priced, interval_of

# Of a step, what a flag must save to be named.
LEAST_GAIN_PCT = 1
# Of the steps, those that must have been timed.
LEAST_SHARE = 0.95

NO_TIME = {
    "planted": "its times were slowed down on purpose",
    "shared_machine": "others computed on the GPUs meanwhile",
    "functional": "the ranks share processors, so its times say nothing about speed",
    "disturbed": "other programs had the processors during most of it",
}


@dataclass(frozen=True)
class Gain:
    """Milliseconds saved in a step; negative: lost."""

    ms: float
    interval: tuple[float, float] | None  # 95 % over launches
    pct: float | None  # of a step; None: nobody says how long one takes

    def excludes_zero(self) -> bool:
        return self.interval is not None and (self.interval[0] > 0 or self.interval[1] < 0)

    def is_a_gain(self) -> bool:
        return self.excludes_zero() and self.ms > 0

    def suffices(self) -> bool:
        return self.is_a_gain() and self.pct is not None and self.pct >= LEAST_GAIN_PCT


@dataclass(frozen=True)
class Assessment:
    """A candidate in a phase. `against`: why it is not named; empty: it is."""

    candidate: Candidate
    gains: Mapping[int, Gain]  # by skew
    priced: Priced | None  # with ranks in time
    against: str

    @property
    def gain(self) -> Gain | None:
        return self.gains.get(0)

    @property
    def named(self) -> bool:
        return not self.against


def gain_of(saved_ms: Sequence[float], step_ms: float | None) -> Gain:
    ms = median(saved_ms)
    return Gain(ms, interval_of(saved_ms), 100 * ms / step_ms if step_ms else None)


def assess(priced: Mapping[Candidate, Mapping[int, Priced]], candidates: Sequence[Candidate],
           skews: Sequence[int], layers: int, step_ms: float | None) -> list[Assessment]:
    """All candidates of a phase, in their order; at most one flag of them is named."""
    gains = {
        candidate: {skew: gain_of([us * layers / 1000 for us in one.saved_us.values()], step_ms)
                    for skew, one in priced.get(candidate, {}).items()}
        for candidate in candidates
    }
    best = {skew: _best(gains, skew) for skew in skews}
    found = []
    for candidate in candidates:
        own = priced.get(candidate, {})
        against = "too little of it was timed, give more --minutes"
        if 0 in own:
            against = (_like_another(own[0], found) or _says_nothing(own[0])
                       or _not_worth_it(candidate, gains[candidate], best, skews))
        found.append(Assessment(candidate, gains[candidate], own.get(0), against))
    return found


def _best(gains: Mapping[Candidate, Mapping[int, Gain]], skew: int) -> Candidate | None:
    """The flag that saves most; None where none saves anything."""
    flags = [candidate for candidate, own in gains.items()
             if candidate.kind == "flag" and skew in own and own[skew].ms > 0]
    return max(flags, key=lambda candidate: gains[candidate][skew].ms, default=None)


def _says_nothing(priced: Priced) -> str:
    """Why times say nothing about which is faster."""
    if priced.no_verdict:
        return "; ".join(NO_TIME[reason] for reason in priced.no_verdict)
    if priced.share() < LEAST_SHARE:
        return (f"only {100 * priced.share():.0f} % of the steps were timed in most launches, give"
                " more --minutes")
    return ""


def _like_another(priced: Priced, found: Sequence[Assessment]) -> str:
    """Values that take the same ways have the same times."""
    if priced.same_way:
        return "it runs what the default runs"
    for other in found:
        if other.priced is not None and other.priced.saved_us == priced.saved_us:
            return f"it runs what {other.candidate.name} runs"
    return ""


def _not_worth_it(candidate: Candidate, gains: Mapping[int, Gain],
                  best: Mapping[int, Candidate | None], skews: Sequence[int]) -> str:
    gain = gains[0]
    if gain.interval is None:
        return "too few launches for an interval"
    if not gain.excludes_zero():
        return "not resolved, the interval holds 0"
    if gain.ms < 0:
        return "slower"
    if candidate.kind == "kernel":
        return "no engine ships it"
    if candidate.setting and candidate.setting.takes_sms:
        return "takes multiprocessors from what computes beside it, which was not measured"
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

"""What is saved of a step, and whether the times say so."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from decision.costs import Priced, interval_of

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

    def is_a_loss(self) -> bool:
        return self.excludes_zero() and self.ms < 0

    def suffices(self) -> bool:
        return self.is_a_gain() and self.pct is not None and self.pct >= LEAST_GAIN_PCT


def gain_of(saved_ms: Sequence[float], step_ms: float | None) -> Gain:
    ms = median(saved_ms)
    return Gain(ms, interval_of(saved_ms), 100 * ms / step_ms if step_ms else None)


def says_nothing(priced: Priced) -> str:
    """Why times say nothing about which is faster; empty where they do."""
    if priced.no_verdict:
        return "; ".join(NO_TIME[reason] for reason in priced.no_verdict)
    if priced.share() < LEAST_SHARE:
        return (f"only {100 * priced.share():.0f} % of the steps were timed in most launches, give"
                " more --minutes")
    return ""

"""A deployment's decision: every phase judged by itself, and all phases on the same nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from decision.beside import NO_ROWS, BesidePrice, BesideSweeps, beside_price
from decision.costs import Candidate, Launches, Priced, Sweep, price
from decision.engine import Engine
from decision.judge import Assessment, assess
from decision.plan import SKEWS


@dataclass(frozen=True)
class Setup:
    """What the sentences say of the deployment and of the machine."""

    engine: Engine
    place: str  # 8x H100 SXM
    nccl: str  # NCCL 2.30.7, NVLS off as SGLang sets it; empty without NCCL
    model: str
    layers: int  # of the model that are MoE layers
    dp: int
    ep: int
    steps: str  # your 41,200 steps
    all_reduce: str = ""  # a sentence: the engine's own or our stand-in


@dataclass(frozen=True)
class PhaseVerdict:
    phase: str  # "" for all of them together
    steps: int
    step_ms: float | None
    default_us: float | None  # of a layer with the default; None: too little was timed
    launches: int
    assessments: Sequence[Assessment]

    def named(self) -> Assessment | None:
        """The flag to set; settings that are worth it are named beside it."""
        return next((one for one in self.flags() if one.named), None)

    def flags(self) -> list[Assessment]:
        return self.of_kind("flag")

    def of_kind(self, kind: str) -> list[Assessment]:
        return [one for one in self.assessments if one.candidate.kind == kind]

    def of(self, candidate: Candidate) -> Assessment:
        return next(one for one in self.assessments if one.candidate == candidate)


@dataclass(frozen=True)
class Decision:
    setup: Setup
    phases: Sequence[PhaseVerdict]
    together: PhaseVerdict | None  # where several phases may run on the same nodes
    launches: int  # so far


def decide(setup: Setup, candidates: Sequence[Candidate], sweeps: dict[Sweep, Launches],
           beside: BesideSweeps, step_ms: Mapping[str, float], split: bool) -> Decision:
    """`split`: the nodes of the steps run one phase only."""
    phases = list(dict.fromkeys(sweep.phase for sweep in sweeps))
    priced = {
        phase: {
            candidate: {skew: one for skew in SKEWS
                        if (one := price(candidate, setup.engine, sweeps, phase, skew))}
            for candidate in candidates
        }
        for phase in phases
    }
    verdicts = [
        _verdict(phase, priced[phase], setup.layers, step_ms.get(phase),
                 {candidate: beside_price(candidate, setup.engine, beside, phase, setup.layers)
                  for candidate in candidates})
        for phase in phases]
    together = None
    if len(phases) > 1 and not split:
        flags = [candidate for candidate in candidates if candidate.kind == "flag"]
        merged = {candidate: _merged([priced[phase][candidate] for phase in phases])
                  for candidate in flags}
        together = _verdict("", merged, setup.layers, _mean_ms(verdicts),
                            {candidate: BesidePrice(why_not=NO_ROWS) for candidate in flags})
    return Decision(setup, verdicts, together, len(set().union(*sweeps.values())))


def _verdict(phase: str, priced: Mapping[Candidate, Mapping[int, Priced]], layers: int,
             step_ms: float | None, beside: Mapping[Candidate, BesidePrice]) -> PhaseVerdict:
    timed = [own[0] for own in priced.values() if 0 in own]
    return PhaseVerdict(
        phase, max((one.all_steps for one in timed), default=0), step_ms,
        timed[0].default_us if timed else None,
        max((len(one.saved_us) for one in timed), default=0),
        assess(priced, beside, SKEWS, layers, step_ms))


def _merged(phases: Sequence[Mapping[int, Priced]]) -> dict[int, Priced]:
    """Of one candidate, by skew: the mean over the steps of all phases."""
    return {skew: one for skew in SKEWS if all(skew in phase for phase in phases)
            if (one := _mean_of([phase[skew] for phase in phases])).saved_us}


def _mean_of(phases: Sequence[Priced]) -> Priced:
    """Over the launches that timed all of them, of which there may be none."""
    steps = [one.all_steps for one in phases]
    launches = [launch for launch in phases[0].saved_us
                if all(launch in one.saved_us for one in phases)]

    def weighted(values: Sequence[float]) -> float:
        return sum(count * value for count, value in zip(steps, values)) / sum(steps)

    return Priced(
        {launch: weighted([one.saved_us[launch] for one in phases]) for launch in launches},
        weighted([one.default_us for one in phases]), sum(one.steps for one in phases), sum(steps),
        all(one.same_way for one in phases),
        tuple(dict.fromkeys(reason for one in phases for reason in one.no_verdict)))


def _mean_ms(phases: Sequence[PhaseVerdict]) -> float | None:
    if any(one.step_ms is None for one in phases):
        return None
    steps = [one.steps for one in phases]
    if not sum(steps):
        return mean(one.step_ms for one in phases)
    return sum(count * one.step_ms for count, one in zip(steps, phases)) / sum(steps)

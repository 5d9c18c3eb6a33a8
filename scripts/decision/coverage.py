"""What a verdict says nothing of."""

from collections.abc import Iterable, Mapping

from decision.decision import Decision, PhaseVerdict
from decision.format import joined_by_and
from decision.words import title_of

ALWAYS = (
    "Speculative decoding, but for the tokens that its steps bring.",
    "Several hosts, and other processes on the machine.",
    "Multicast, where the engine's own all-reduce would use it.",
)


def notes_on(decision: Decision, plan: Mapping, groupings: Mapping[str, Mapping]) -> list[str]:
    """`groupings`: how the steps of each phase were grouped into cases, where the program said so."""
    notes = [*ALWAYS, *_left_out(decision.phases, plan["steps_of_phases"])]
    notes += [_grouped(phase, groupings[phase.phase]) for phase in decision.phases
              if phase.phase in groupings]
    others = [name for name in plan["engines"] if name != plan["engine"]]
    if others:
        notes.append(f"Steps of {', '.join(others)} are priced as if {plan['engine']} had run them.")
    if plan["traffic"]:
        notes.append("The traffic is synthetic: a small scheduler model made it, no engine.")
    notes += [f"{name}: not priced, since {variable} is set here."
              for name, variable in plan.get("opposed_settings", {}).items()]
    notes += _beside_compute(decision.phases)
    if any(part["graph"] for part in plan["parts"]):
        notes.append("Late ranks in CUDA graphs: steps with them are eager.")
    if plan["backend"] != "cuda":
        notes.append("GPUs: these are times of processor cores.")
    if plan["extra"]:
        notes.append(f"Further options of the program: {' '.join(plan['extra'])}.")
    return notes


def _grouped(phase: PhaseVerdict, grouping: Mapping) -> str:
    off = 100 * grouping["mean_error_bytes"] / grouping["mean_bytes"]
    return (f"{title_of(phase)}: what differs between steps and the {grouping['cases']} case(s) that stand"
            f" for them, {off:.1f} % of their rows on average.")


def _left_out(phases: Iterable[PhaseVerdict], given: Mapping[str, int]) -> list[str]:
    """Steps of the file that no verdict rests on."""
    priced = {one.phase: one.steps for one in phases}
    return [
        f"{left:,} of {steps:,} {phase or 'unnamed'} steps: not this question, or left out for want"
        " of time."
        for phase, steps in given.items() if (left := steps - priced.get(phase, 0)) > 0
    ]


def _beside_compute(phases: Iterable[PhaseVerdict]) -> list[str]:
    """What is known of exchanges beside what the engine computes meanwhile."""
    notes: dict[str, list[str]] = {}
    for phase in phases:
        flags = [one.beside for one in phase.flags() if not (one.priced and one.priced.same_way)]
        why_not = dict.fromkeys(price.why_not for price in flags if price.together is None)
        note = "what the engine computes beside the exchange"
        if why_not:
            note = f"not priced beside compute, {'; '.join(why_not)}"
        elif flags:
            note += ", other than the experts of a second batch"
        notes.setdefault(note, []).append(title_of(phase).lower())
    return [f"{joined_by_and(named).capitalize()}: {note}." for note, named in notes.items()]

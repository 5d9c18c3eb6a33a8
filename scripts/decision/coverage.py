"""What a verdict says nothing of."""

from collections.abc import Iterable, Mapping

from decision.decision import Decision, PhaseVerdict

ALWAYS = (
    "Speculative decoding, but for the tokens that its steps bring.",
    "Several hosts, and other processes on the machine.",
    "Multicast, where the engine's own all-reduce would use it.",
    "What the engine computes beside the exchange, and what an exchange costs that.",
)


def notes_on(decision: Decision, plan: Mapping) -> list[str]:
    notes = [*ALWAYS, *_left_out(decision.phases, plan["steps_of_phases"])]
    others = [name for name in plan["engines"] if name != plan["engine"]]
    if others:
        notes.append(f"Steps of {', '.join(others)} are priced as if {plan['engine']} had run them.")
    if plan["traffic"]:
        notes.append("The traffic is synthetic: a small scheduler model made it, no engine.")
    if any(part["graph"] for part in plan["parts"]):
        notes.append("Late ranks in CUDA graphs: steps with them are eager.")
    if plan["backend"] != "cuda":
        notes.append("GPUs: these are times of processor cores.")
    if plan["extra"]:
        notes.append(f"Further options of the program: {' '.join(plan['extra'])}.")
    return notes


def _left_out(phases: Iterable[PhaseVerdict], given: Mapping[str, int]) -> list[str]:
    """Steps of the file that no verdict rests on."""
    priced = {one.phase: one.steps for one in phases}
    return [
        f"{left:,} of {steps:,} {phase or 'unnamed'} steps: not this question, or left out for want"
        " of time."
        for phase, steps in given.items() if (left := steps - priced.get(phase, 0)) > 0
    ]

"""A part of a reference run: a sweep in several launches, or another program's single run."""

from dataclasses import dataclass

LAUNCHES = 3  # of a sweep


@dataclass(frozen=True)
class Part:
    """`options` are of bench_moe_comm, where `command` names no other program."""

    name: str
    what: str
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    seconds: int = 0  # of a command: guessed; a sweep's dry run says it
    obstacle: str = ""  # why it is left out

    @property
    def launches(self) -> int:
        if self.obstacle:
            return 0
        return 1 if self.command else LAUNCHES

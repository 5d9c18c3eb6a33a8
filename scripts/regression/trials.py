"""Trials of the gate: pairs of arms whose difference is known, none or planted."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from cli import cannot_write
from moe_results import ResultsError
from regression.cells import compare_times
from regression.sets import ResultsSet, read_set
from regression.verdicts import Gate, judge

LAUNCHES = Path(__file__).resolve().parents[1] / "launches.sh"
SAME, PLANTED = "aa", "planted"
METRIC = "output"


@dataclass(frozen=True)
class Plan:
    """What all trials of a folder share; finished ones are kept only for the same plan."""

    command: list[str]
    launches: int
    plants: dict[str, float]  # strategy -> percent by which NEW is slowed down


@dataclass(frozen=True)
class Trial:
    kind: str
    folder: Path

    @property
    def finished(self) -> Path:
        return self.folder / "finished"


def trials_of(out: Path, same: int, planted: int) -> Iterator[Trial]:
    """In turns, so that both kinds see the same hours of the machine."""
    for number in range(1, max(same, planted) + 1):
        for kind, wanted in ((SAME, same), (PLANTED, planted)):
            if number <= wanted:
                yield Trial(kind, out / f"{kind}-{number:02}")


def keep_plan(out: Path, plan: Plan) -> None:
    """Writes it, or refuses to mix trials of two plans."""
    file = out / "plan.json"
    text = json.dumps(asdict(plan), indent=2) + "\n"
    try:
        if file.exists() and file.read_text(encoding="utf-8") != text:
            raise ResultsError(
                f"{out} holds trials of another command or plan ({file}): another --out is needed"
            )
        out.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise cannot_write(file, error) from None


def run_trial(trial: Trial, plan: Plan) -> None:
    """Both arms in turns. A trial that was stopped goes on at the cell where it was."""
    if trial.finished.exists():
        return
    arms = {"old": [], "new": []}
    if trial.kind == PLANTED:
        arms["new"] = ["--plant", ",".join(f"{name}:{pct:g}" for name, pct in plan.plants.items())]
    command = [str(LAUNCHES), "--resume", str(plan.launches)]
    for name, options in arms.items():
        command += ["--", *plan.command, *options, "--out", str(trial.folder / name)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as series:
        try:
            status = series.wait()
        except KeyboardInterrupt:
            series.terminate()
            series.wait()  # Ranks that still write would meet those of the next start.
            raise
    if status:
        raise ResultsError(
            f"{trial.folder.name} ended with status {status}; the same command goes on with it"
        )
    trial.finished.touch()


def read_trial(trial: Trial) -> tuple[ResultsSet, ResultsSet]:
    return read_set(trial.folder / "old"), read_set(trial.folder / "new")


def judge_trial(arms: tuple[ResultsSet, ResultsSet], gate: Gate) -> pd.DataFrame:
    old, new = (one.rows for one in arms)
    return judge(compare_times(old, new, [METRIC]), gate)

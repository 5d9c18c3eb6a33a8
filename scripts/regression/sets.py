"""A results set with its provenance: which machine it is of, and in what order it was taken."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from moe_results import ResultsError, Row, read_results

# Provenance that makes two runs comparable. What the change itself may alter (revision, compiler,
# command line) is not among it.
FINGERPRINT = (
    "backend", "device", "library", "kernel", "host_names", "hosts", "ranks", "ranks_on_host",
    "cores_on_host",
)
# Those of them that are in the rows too, for a table without a provenance file.
IN_ROWS = ("backend", "device", "hosts", "ranks")
FEWEST_LAUNCHES = 7


@dataclass(frozen=True)
class ResultsSet:
    path: Path
    rows: list[Row]
    runs: dict[str, dict]  # run_id -> provenance, of the runs that have rows; empty if not there.


def read_set(path: Path) -> ResultsSet:
    rows = read_results([path])
    file = path / "results.json" if path.is_dir() else path.with_suffix(".json")
    run_ids = dict.fromkeys(str(row["run_id"]) for row in rows)
    known = _read_runs(file)
    return ResultsSet(path, rows, {name: known[name] for name in run_ids if name in known})


def _read_runs(file: Path) -> dict[str, dict]:
    try:
        runs = json.loads(file.read_text(encoding="utf-8"))["runs"]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ResultsError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ResultsError(f"{file} is no provenance file of bench_moe_comm") from None
    if not isinstance(runs, dict) or not all(isinstance(run, dict) for run in runs.values()):
        raise ResultsError(f"{file}: runs are not provenance by run_id")
    return runs


def fingerprint(one: ResultsSet) -> dict[str, str]:
    """What each key was in the runs of the set; several values are listed."""
    if one.runs:
        return {key: _listed(run.get(key) for run in one.runs.values()) for key in FINGERPRINT}
    return {key: _listed(row[key] for row in one.rows) for key in IN_ROWS}


def _listed(values: Iterable[object]) -> str:
    texts = {value if isinstance(value, str) else json.dumps(value) for value in values}
    return " and ".join(sorted(texts))


def machine_differences(baseline: ResultsSet, new: ResultsSet) -> list[str]:
    before, after = fingerprint(baseline), fingerprint(new)
    return [
        f"{key}: {before[key]} in BASELINE, {after[key]} in NEW"
        for key in before
        if key in after and before[key] != after[key]
    ]


def shared_machine(baseline: ResultsSet, new: ResultsSet) -> list[str]:
    """The sets of which rows were measured beside other processes, one line each."""
    return [
        f"{name}: processes of others computed on its GPUs (claim shared_machine)"
        for name, one in (("BASELINE", baseline), ("NEW", new))
        if any(row["claim"] == "shared_machine" for row in one.rows)
    ]


def warnings(baseline: ResultsSet, new: ResultsSet) -> list[str]:
    """What weakens a comparison of the two, one line each."""
    found = [
        f"{name} has no provenance ({one.path}): its machine is only known from its rows, the"
        " order of its launches not at all"
        for name, one in (("BASELINE", baseline), ("NEW", new))
        if not one.runs
    ]
    if baseline.runs and new.runs:
        found += _environment_differences(baseline, new)
        streak, name = longest_streak(baseline, new)
        if streak > 2:
            found.append(
                f"launches were not alternated ({streak} of {name} in a row): a machine that"
                " drifts looks like a change"
            )
    return found


def _environment_differences(baseline: ResultsSet, new: ResultsSet) -> list[str]:
    """Open MPI's and others' variables, among them how ranks are bound."""
    arms = [
        {(name, str(value)) for run in one.runs.values()
         for name, value in dict(run.get("environment") or {}).items()}
        for one in (baseline, new)
    ]
    names = sorted({name for name, _ in arms[0] ^ arms[1]})
    return [f"environment differs: {', '.join(names)}"] if names else []


def longest_streak(baseline: ResultsSet, new: ResultsSet) -> tuple[int, str]:
    """The most launches that one arm had without one of the other between them, and the arm.
    Runs of one launch, stopped and resumed, are one."""
    launches = sorted(
        (str(run.get("started", "")), numbers[run_id], name)
        for name, one in (("BASELINE", baseline), ("NEW", new))
        for numbers in [{str(row["run_id"]): str(row["launch"]).zfill(9) for row in one.rows}]
        for run_id, run in one.runs.items()
    )
    streaks = ((name, list(group)) for name, group in groupby(launches, key=lambda run: run[2]))
    return max((_distinct(group), name) for name, group in streaks)


def _distinct(runs: list[tuple[str, str, str]]) -> int:
    """Sets taken without --launch have all their launches numbered alike."""
    numbers = [number for _, number, _ in runs]
    return len(set(numbers)) if len(set(numbers)) > 1 else len(numbers)

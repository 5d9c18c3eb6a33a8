"""What is beside a results.csv: every sample, and where the rows come from."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from moe_results import ResultsError

# run_id, case_id, combine, kind (layer, output or combine) -> microseconds.
Samples = dict[tuple[str, str, str, str], list[float]]


def beside(path: Path, suffix: str) -> Path:
    """results.SUFFIX of a folder, or FILE.SUFFIX of FILE.csv."""
    return path / f"results{suffix}" if path.is_dir() else path.with_suffix(suffix)


def read_samples(paths: Iterable[Path]) -> Samples:
    """Of wide sweeps none are kept: a file that is not there has none."""
    samples: Samples = {}
    for file in (beside(path, ".samples.csv") for path in paths):
        if not file.exists():
            continue
        with file.open(encoding="utf-8", newline="") as stream:
            try:
                for line in csv.DictReader(stream):
                    key = (line["run_id"], line["case_id"], line["combine"], line["kind"])
                    samples.setdefault(key, []).append(float(line["us"]))
            except (KeyError, TypeError, ValueError, csv.Error) as error:
                raise ResultsError(f"{file} is no file of samples: {error!r}") from None
    return samples


def read_runs(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """The provenance of each run_id."""
    runs: dict[str, dict[str, Any]] = {}
    for file in (beside(path, ".json") for path in paths):
        if not file.exists():
            continue
        try:
            runs |= json.loads(file.read_text(encoding="utf-8"))["runs"]
        except (ValueError, KeyError, TypeError) as error:
            raise ResultsError(f"{file} is no provenance of results: {error!r}") from None
    return runs

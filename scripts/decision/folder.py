"""What lies in the folder of decide.sh."""

import json
from collections.abc import Mapping
from pathlib import Path

from moe_results import ResultsError, Row, read_results


def read_json(file: Path) -> dict:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(f"cannot read {file}: {error.strerror}") from None
    except ValueError:
        raise ResultsError(f"{file} is no JSON file; decide.sh writes it") from None


def read_rows(folder: Path, part: Mapping) -> list[Row]:
    """Of a part of the plan; none before its first launch."""
    file = folder / part["name"] / "results.csv"
    return read_results([file]) if file.exists() else []

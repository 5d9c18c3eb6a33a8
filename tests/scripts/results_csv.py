"""Results files from rows, in the columns that the program writes."""

import csv
from collections.abc import Iterable
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "golden/results_header.csv"
HEADER = GOLDEN.read_text().strip().split(",")


def write_csv(
    file: Path, rows: Iterable[dict[str, object]], header: Iterable[str] = HEADER
) -> Path:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, header, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return file

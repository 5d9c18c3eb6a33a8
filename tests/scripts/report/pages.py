"""Reports of rows that were never measured, and what is in their data."""

import base64
import gzip
import html
import json
import re
from collections.abc import Iterable
from pathlib import Path

import plot
from chart_rows import BASELINE, NATIVE, Row, sweep
from results_csv import write_csv

ENGINE, GROUPED = "all_reduce_engine_dp_scatter", "reduce_scatterv_grouped"
# Over the baseline at 16 and 1024 tokens. Over the engine's form GROUPED is slower up to 64 tokens
# and faster at 1024, NATIVE is faster at every size.
GAINS = {BASELINE: (1.0, 1.0), ENGINE: (1.6, 1.0), GROUPED: (0.8, 1.4), NATIVE: (1.8, 1.9)}
PATHS = {ENGINE: "sglang-1:ar", GROUPED: "sglang-1"}


def engine_sweep(**changes: object) -> list[Row]:
    return [row | {"engine_path": PATHS.get(row["combine"], "")}
            for row in sweep(GAINS, **{"loads": ("balanced",), "backend": "cuda"} | changes)]


def write_set(folder: Path, rows: Iterable[Row]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "results.csv", rows)
    return folder


def report_of(*sets: Path) -> Path:
    """The report of these folders, beside the first one."""
    out = sets[0].parent / "out"
    assert plot.main([*map(str, sets), "--out", str(out), "--format", "html"]) == 0
    return out / "report.html"


def data_of(report: Path) -> dict:
    blob = re.search(r'id="data" type="text/plain">([^<]*)<', report.read_text()).group(1)
    return json.loads(gzip.decompress(base64.b64decode(blob)))


def words_of(report: Path) -> str:
    """What the page says before anything is drawn, without marks."""
    text = report.read_text().split('<script id="data"')[0].split("<body>")[1]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())

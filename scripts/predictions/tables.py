"""Reads predictions from the tables of a document: a row for each load and form, a column for each
number of tokens, under a heading such as "## Four GPUs"."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from moe_results import ResultsError

TIME, SPEEDUP, AHEAD, CHOICE, RATIO = "exchange us", "speed-up", "who is ahead", "choice", "ratio"
# How far off what was measured may be: a share of a time, a difference of a speed-up.
TIME_OFF, SPEEDUP_OFF = 0.1, 0.1
# Speed-ups within these do not say who is ahead.
LEVEL = (0.97, 1.03)

NUMBERS = {"One": 1, "Two": 2, "Three": 3, "Four": 4, "Six": 6, "Eight": 8}
HEADING = re.compile(r"## (\w+) GPUs$")
SPAN = r"\d+(?:\.\d+)?(?:-\d+(?:\.\d+)?)?"
CELL = re.compile(rf"(?P<time>{SPAN})?\s*(?:\((?P<speedup>{SPAN})\))?$")


@dataclass(frozen=True)
class Place:
    """A cell of a table."""

    ranks: int
    load: str
    form: str
    tokens: int


@dataclass(frozen=True)
class Prediction:
    """Holds for a number from low to high, or for the text itself."""

    place: Place
    kind: str
    text: str
    low: float = math.nan
    high: float = math.nan

    def holds(self, measured: float | str) -> bool:
        if isinstance(measured, str):
            return measured == self.text
        return self.low <= measured <= self.high


def read_predictions(file: Path) -> list[Prediction]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ResultsError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ResultsError(f"{file} is no text in UTF-8: {error.reason}") from None
    found = list(_predictions(file, lines))
    if not found:
        raise ResultsError(f"{file} has no table of predictions: under a heading such as '## Four GPUs',"
                           " one that begins | load | form | 64 tokens |")
    return found


def _predictions(file: Path, lines: Sequence[str]) -> Iterator[Prediction]:
    ranks, tokens = 0, []
    for at, line in enumerate(lines, 1):
        if line.startswith("#"):
            heading = HEADING.match(line)
            ranks, tokens = NUMBERS.get(heading[1], 0) if heading else 0, []
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not ranks or not line.startswith("|") or set(line) <= set("|-: "):
            continue
        if cells[:2] == ["load", "form"]:
            tokens = [int(cell.split()[0]) for cell in cells[2:] if cell.split()[0].isdigit()]
        elif tokens:
            yield from _of_row(f"{file}:{at}", ranks, tokens, cells)


def _of_row(where: str, ranks: int, tokens: Sequence[int], cells: Sequence[str]) -> Iterator[Prediction]:
    if len(cells) != 2 + len(tokens):
        raise ResultsError(f"{where}: {len(cells)} cells, not a load, a form and {len(tokens)} predictions")
    load, form, *texts = cells
    for count, text in zip(tokens, texts):
        yield from _of_cell(where, Place(ranks, load, form.strip("*"), count), text)


def _of_cell(where: str, place: Place, text: str) -> Iterator[Prediction]:
    if place.form.startswith("what ") and text:
        yield Prediction(place, CHOICE, text)
        return
    found = CELL.match(text)
    if not text or not found:
        raise ResultsError(f"{where}: '{text}' is no prediction, such as 15.2, 15.2 (0.85), (2.68) or"
                           " 17.7-20.3 (0.75-0.83)")
    if found["time"] and " over " in place.form:
        yield _of_span(place, RATIO, found["time"])
    elif found["time"]:
        yield _of_span(place, TIME, found["time"])
    if found["speedup"]:
        speedup = _of_span(place, SPEEDUP, found["speedup"])
        yield speedup
        yield from _who_is_ahead(place, speedup.text)


def _of_span(place: Place, kind: str, text: str) -> Prediction:
    low, _, high = text.partition("-")
    if high:
        return Prediction(place, kind, text, float(low), float(high))
    value = float(text)
    off = TIME_OFF * value if kind == TIME else SPEEDUP_OFF
    return Prediction(place, kind, text, value - off, value + off)


def _who_is_ahead(place: Place, span: str) -> Iterator[Prediction]:
    low, _, high = span.partition("-")
    if float(low) > LEVEL[1]:
        yield Prediction(place, AHEAD, "ahead")
    elif float(high or low) < LEVEL[0]:
        yield Prediction(place, AHEAD, "behind")

"""Results CSVs of bench_moe_comm: reading, checking, and joining the launches of one cell.

Standard library only, so that a script which must run without pandas can share it. A row is a
dict: the columns of NUMBERS as float (an empty cell is NaN), every other column as text, and
AGAINST, the strategy that its speed-ups are against.
"""

import csv
import functools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

SCHEMA_VERSION = "1"

# Why times say nothing about which strategy is faster: the words of the column no_verdict.
PLANTED, SHARED_MACHINE, FUNCTIONAL, DISTURBED = NO_VERDICT = (
    "planted", "shared_machine", "functional", "disturbed")
# Of the time of a case that others had a rank's core, from which on it is disturbed.
MOST_DISTURBED_PCT = 5

# What a number may claim, strongest first. Rows of different claims are never compared.
CLAIMS = ("interconnect", "memory", SHARED_MACHINE, FUNCTIONAL)

# No column of the file: the baseline of the row's case in its run.
AGAINST = "against"

# What a case was measured with. Rows that agree in these, in load, in tokens and in the strategy
# are launches of one cell; the seed is not among them, it only makes launches differ.
SETTINGS = (
    "model", "hidden", "dtype", "backend", "device", "transport", "hosts", "ranks",
    "ranks_per_device", "dp", "ep", "gather", "padding", "graph", "routing", "phase", "epilogue",
    "cache", "mode", "layers", "scope", "experts", "top_k", "intermediate", "shared_intermediate",
    "scale_experts", "attn_tp", "moe_tp", "scoring", "shared_gate",
    "skew_us", "sms", "graph_sizes", "beside", AGAINST,
)
# What files say that are older than the column, or that leave it empty.
BEFORE = {
    "skew_us": "0", "sms": "default", "form": "", "graph_sizes": "", "steps_source": "",
    "engine_path": "", "rows": "", "variant": "", "beside": "none",
}
LABELS = (
    "schema_version", "run_id", "case_id", "launch", "claim", "load", "combine", "seed",
    "is_baseline", "verified", "obstacle",
)
# Where spreadsheets write TRUE for true, and a reader that takes that for false would be wrong.
FLAGS = ("is_baseline", "verified", "shared_gate")

SPEEDUPS = ("speedup_layer", "speedup_output")
# Measures with a 95 % interval in NAME_low and NAME_high: the measure's column -> NAME.
MEASURES = {
    "layer_us_median": "layer_us",
    "output_us_median": "output_us",
    **{name: name for name in SPEEDUPS},
}
PHASES = (
    "gather_us_median", "route_us_median", "permute_us_median", "experts_us_median",
    "shared_us_median", "local_combine_us_median", "combine_us_median", "wait_us_median",
)
BANDWIDTHS = ("busbw_gbps", "contract_limit_us")
# Not in older files: an empty cell there, which is not known.
NEWER = ("disturbed_pct", "timed_by")
NUMBERS = (
    "tokens", "planted_pct", "instrumentation_pct", "speedup_combine", *PHASES, *BANDWIDTHS,
    *MEASURES,
    *(f"{stem}_{end}" for stem in MEASURES.values() for end in ("low", "high")),
    "disturbed_pct",
)

# What the launches of a cell have in common besides: the first one's stands for all.
OF_ONE_LAUNCH = (
    "form", "is_baseline", "verified", "steps_source", "rows", "variant", "engine_path")

# The mode is among the settings: rows of one case_id with graph=on say isolated or chained, by the
# program's version, and are never compared with each other.
CELL = (*SETTINGS, "claim", "load", "tokens", "combine")

Row = dict[str, str | float]


class ResultsError(Exception):
    """Input that cannot be used. The message is one line, fit for standard error."""


def read_results(paths: Iterable[str | Path]) -> list[Row]:
    """All rows of the given CSV files; a folder stands for its results.csv.

    A file named twice is read once: the same launch counted twice would look like a replicate.
    """
    files = dict(map(_resolved, paths))
    return [row for file in files.values() for row in _read_file(file)]


def _resolved(path: str | Path) -> tuple[Path, Path]:
    """The file that is meant, resolved and as it was named."""
    path = Path(path)
    try:
        file = path / "results.csv" if path.is_dir() else path
        return file.resolve(), file
    except OSError as error:
        raise ResultsError(f"cannot read {path}: {error.strerror}") from None
    except RuntimeError:  # Python's word for links that lead to each other.
        raise ResultsError(f"cannot read {path}: it is a link to itself") from None


def _read_file(file: Path) -> list[Row]:
    """Lines that spreadsheets and editors leave empty are no rows; nor is a byte order mark a part
    of the first column's name."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = next(reader, [])
            _check_header(file, header)
            lines = ((reader.line_num, cells) for cells in reader if any(cells))
            return _with_baselines([_parse(f"{file}:{at}", header, cells) for at, cells in lines])
    except FileNotFoundError:
        raise ResultsError(f"no such file: {file}") from None
    except OSError as error:
        raise ResultsError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ResultsError(f"{file} is not a CSV file in UTF-8: {error.reason}") from None
    except csv.Error as error:
        raise ResultsError(f"{file} is not a CSV file: {error}") from None


def _check_header(file: Path, header: Sequence[str]) -> None:
    if not header:
        raise ResultsError(f"{file} is empty, or begins with an empty line")
    wanted = dict.fromkeys(name for name in (*LABELS, *SETTINGS, *NUMBERS)
                           if name not in (*BEFORE, *NEWER, AGAINST))
    missing = [name for name in wanted if name not in header]
    if len(missing) == len(wanted):
        first = header[0].replace("\t", ";").split(";")
        other = "its cells are separated by ; or tabs, results by commas"
        why = other if wanted.keys() & set(first) else "line 1 names none of their columns"
        raise ResultsError(f"{file} is no results.csv: {why}")
    if missing:
        raise ResultsError(f"{file}: missing columns: {', '.join(missing)}")
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise ResultsError(f"{file}: columns that are there twice: {', '.join(twice)}")


def _parse(where: str, header: Sequence[str], values: Sequence[str]) -> Row:
    if list(values) == list(header):
        raise ResultsError(f"{where}: the header once more: name files that were joined apart")
    if len(values) != len(header):
        raise ResultsError(
            f"{where}: not as many cells as the header has columns: {len(values)}, not"
            f" {len(header)}; was the row cut?")
    cells = dict(zip(header, values))
    if cells["schema_version"] != SCHEMA_VERSION:
        version = cells["schema_version"]
        raise ResultsError(f"{where}: schema_version {version!r}, not {SCHEMA_VERSION}")
    row: Row = dict.fromkeys(NEWER, "") | cells
    row |= {name: cells.get(name) or value for name, value in BEFORE.items()}
    for name in NUMBERS:
        row[name] = _number(where, name, cells.get(name, ""))
    for name in FLAGS:
        row[name] = _flag(where, name, cells[name])
    row["no_verdict"] = cells.get("no_verdict", no_verdict_of(row))
    if why_no_time(row) is None and row["claim"] not in CLAIMS:
        raise ResultsError(
            f"{where}: unknown claim {row['claim']!r}, known: {', '.join(CLAIMS)}")
    return row


def _number(where: str, name: str, text: str) -> float:
    try:
        value = float(text or "nan")
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise ResultsError(f"{where}: {name}: {text!r} is no number")
    return value


def _flag(where: str, name: str, text: str) -> str:
    if text.lower() not in ("true", "false", ""):
        raise ResultsError(f"{where}: {name}: {text!r} is neither true nor false")
    return text.lower()


def _with_baselines(rows: list[Row]) -> list[Row]:
    """The rows with AGAINST filled in; empty where the case's baseline has no row."""
    names = {
        (row["run_id"], row["case_id"]): row["combine"]
        for row in rows if row["is_baseline"] == "true"
    }
    return [row | {AGAINST: names.get((row["run_id"], row["case_id"]), "")} for row in rows]


def no_verdict_of(row: Row) -> str:
    """The column no_verdict of a row from before there was one, by what the program makes it of."""
    disturbed = row["timed_by"] == "host" and row["disturbed_pct"] > MOST_DISTURBED_PCT
    holds = {
        PLANTED: row["planted_pct"] > 0,
        SHARED_MACHINE: row["claim"] == SHARED_MACHINE,
        FUNCTIONAL: row["claim"] == FUNCTIONAL,
        DISTURBED: disturbed,
    }
    return ";".join(reason for reason in NO_VERDICT if holds[reason])


def lacks_verdict(row: Row, reason: str) -> bool:
    return reason in row["no_verdict"].split(";")


def why_no_time(row: Row) -> str | None:
    """Why this row carries no time, or None when it has one."""
    if row["obstacle"]:
        return str(row["obstacle"])
    if row["verified"] == "false":
        return "wrong result (verified=false)"
    if not (row["output_us_median"] > 0 and row["tokens"] >= 0):
        return "no time in the row"
    return None


def join_launches(rows: Iterable[Row]) -> list[Row]:
    """One row for each cell: medians over its launches, their number in `launch_count`."""
    cells: dict[tuple, list[Row]] = {}
    for row in rows:
        cells.setdefault(tuple(row[name] for name in CELL), []).append(row)
    return [_join(launches) for launches in cells.values()]


def unresolved_if_disturbed(joined: Row) -> Row:
    """Without the intervals of speed-ups from which one would conclude who is faster, where other
    programs had the ranks' cores."""
    if not lacks_verdict(joined, DISTURBED):
        return joined
    return joined | {f"{name}_{end}": math.nan for name in SPEEDUPS for end in ("low", "high")}


def in_other_modes(
    cells: Iterable[tuple], others: Iterable[tuple], key: Sequence[str]
) -> dict[tuple, list[str]]:
    """The cells that are not among the others, but for their mode: the others' modes of each. Both
    are values of the columns of the key."""
    at = key.index("mode")
    modes: dict[tuple, set[str]] = {}
    for cell in others:
        modes.setdefault((*cell[:at], *cell[at + 1:]), set()).add(cell[at])
    found = {cell: modes.get((*cell[:at], *cell[at + 1:]), set()) for cell in cells}
    return {cell: sorted(there) for cell, there in found.items() if there and cell[at] not in there}


def _join(launches: list[Row]) -> Row:
    joined: Row = {name: launches[0][name] for name in (*CELL, *OF_ONE_LAUNCH)}
    joined["launch_count"] = len(launches)
    joined["no_verdict"] = ";".join(
        reason for reason in NO_VERDICT if is_of_most(launches, reason))
    for name in (*PHASES, *BANDWIDTHS, "instrumentation_pct"):
        joined[name] = _median(_present(launches, name))
    for name, stem in MEASURES.items():
        values = _present(launches, name)
        joined[name] = _median(values)
        low, high = interval_over_launches(
            values, _present(launches, f"{stem}_low"), _present(launches, f"{stem}_high")
        )
        joined[f"{stem}_low"], joined[f"{stem}_high"] = low, high
    return joined


def is_of_most(launches: Sequence[Row], reason: str) -> bool:
    """Whether launches that are joined by their medians have no verdict for this reason."""
    return 2 * sum(lacks_verdict(row, reason) for row in launches) > len(launches)


def without_nan(row: Row) -> dict[str, str | float | None]:
    """For JSON, which has no word for a number that is none."""
    return {name: None if value != value else value for name, value in row.items()}


def _present(rows: list[Row], name: str) -> list[float]:
    return sorted(row[name] for row in rows if not math.isnan(row[name]))


def _median(values: list[float]) -> float:
    return median(values) if values else math.nan


def interval_over_launches(
    values: list[float], lows: list[float], highs: list[float]
) -> tuple[float, float]:
    """95 % interval of the median of sorted launch values.

    From six launches on it is the exact order-statistic interval, which assumes nothing about the
    distribution. Fewer cannot give 95 %: then it spans the launches' own intervals.
    """
    rank = order_statistic_rank(len(values))
    if rank:
        return values[rank - 1], values[-rank]
    if not lows or not highs:
        return math.nan, math.nan
    return min(lows), max(highs)


@functools.cache
def order_statistic_rank(count: int) -> int:
    """Largest k for which [k-th smallest, k-th largest] of count values covers the median with
    at least 95 %; 0 where even the whole range does not."""
    log_term = -count * math.log(2)  # Of P(X = rank), X binomial(count, 1/2): a float at any count.
    rank, tail = 0, 0.0
    while rank < count:
        tail += math.exp(log_term)
        if 2 * tail > 0.05:
            break
        log_term += math.log((count - rank) / (rank + 1))
        rank += 1
    return rank

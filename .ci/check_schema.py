"""Checks a results CSV against the columns that results/README.md documents, and for sense.

    check_schema.py CSV...

Prints what is wrong, one line each. Exit status: 0; 1 if anything is wrong; 2 with one line on
standard error for a file that cannot be read.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

from cli import OneLineParser, command  # noqa: E402
from moe_results import ResultsError, no_verdict_of  # noqa: E402

README = Path(__file__).resolve().parent.parent / "results" / "README.md"
# Of the cells of each kind that are not empty.
KINDS = {
    "text": re.compile(r".*", re.DOTALL),
    "flag": re.compile(r"true|false"),
    "count": re.compile(r"-?\d+"),
    "number": re.compile(r"-?\d+(\.\d+)?(e[+-]\d+)?"),
}
ONE_LAUNCH = ["run_id", "launch", "case_id"]
TOLERANCE = 1e-6  # relative: the file's numbers are rounded
ROUNDED = 2e-5  # relative: what may be off in a quotient of two numbers of six digits
FORMS = {"all_reduce", "reduce_scatter"}
BESIDE = {"none", "gemm"}
BESIDE_TIMES = ("gemm_us_median", "beside_output_us_median", "beside_gemm_us_median",
                "gemm_slowdown_pct", "together_us_median", "in_turn_us_median", "overlap_gain")
FLAGS = {"above_limit": "limit_us", "above_contract_limit": "contract_limit_us"}
BEATEN = 110  # percent of the time from which a limit is flagged


class Column(NamedTuple):
    kind: str
    of_cell: bool
    meaning: str


def documented_columns(readme):
    """By name, from rows as `| `name` | kind | cell | unit | meaning |`."""
    row = re.compile(r"^\| `(\w+)` \| (\w+) \| (yes|) \| .*? \| (.*) \|$", re.MULTILINE)
    found = row.findall(readme.read_text(encoding="utf-8"))
    return {name: Column(kind, cell == "yes", meaning) for name, kind, cell, meaning in found}


def check_header(columns, documented):
    for name in (n for n in documented if n not in columns):
        yield f"column {name} is documented but not in the file"
    for name in (n for n in columns if n not in documented):
        yield f"column {name} is not documented in {README.parent.name}/{README.name}"
    if sorted(columns) == sorted(documented):
        for at, (found, wanted) in enumerate(zip(columns, documented), 1):
            if found != wanted:
                yield f"column {at} is {found}, documented is {wanted}: another order"
                return


def check_kinds(text, documented):
    for name, (kind, *_) in documented.items():
        bad = text[name].ne("") & ~text[name].str.fullmatch(KINDS[kind])
        for row, value in text.loc[bad, name].items():
            yield f"{where(row)}: {name}: {value!r} is no {kind}"


def check_forms(text):
    for row in text.index[~text["form"].isin(FORMS)]:
        yield f"{where(row)}: no form is named {text.at[row, 'form']!r}"


def check_verified(text):
    measured = text["obstacle"].eq("")
    for row in text.index[measured & text["verified"].ne("true")]:
        yield f"{where(row)}: verified is {text.at[row, 'verified']!r} and there is no obstacle"
    for row in text.index[measured & text["output_us_median"].eq("")]:
        yield f"{where(row)}: neither a time nor an obstacle"


def check_experts(text, numbers):
    timed = numbers["layer_us_median"].notna() & numbers["rows"].gt(0)
    for row in text.index[timed & text["experts_kernel"].eq("")]:
        yield f"{where(row)}: a time of the layer and no experts_kernel"


def check_intervals(numbers):
    for low in (n for n in numbers if n.endswith("_low")):
        stem = low.removesuffix("_low")
        middle = stem if stem in numbers else f"{stem}_median"
        a, b, c = (numbers[n] for n in (low, middle, f"{stem}_high"))
        slack = TOLERANCE * b.abs()
        for row in numbers.index[(a > b + slack) | (b > c + slack)]:
            yield f"{where(row)}: {middle}: not {a[row]:g} <= {b[row]:g} <= {c[row]:g}"
        for row in numbers.index[a.isna() ^ c.isna() | (a.notna() & b.isna())]:
            yield f"{where(row)}: {middle}: an interval with a part missing"


def check_baselines(text, numbers):
    baseline = text["is_baseline"].eq("true")
    for key, count in baseline.groupby([text[n] for n in ONE_LAUNCH]).sum().items():
        if count != 1:
            yield f"case {key[-1]} (launch {key[1]}) has {count} baselines"
    for name in (n for n in numbers if n.startswith("speedup_")):
        value = numbers.loc[baseline, name].dropna()
        for row in value.index[(value - 1).abs() > TOLERANCE]:
            yield f"{where(row)}: {name} of the baseline is {value[row]:g}"


def check_regions(text, numbers):
    """The exchange alone is timed where there is one: not in a strategy of weighted rows."""
    of_sums = text["input"].str.startswith("partial_sums")
    timed = numbers["output_us_median"].notna()
    for row in text.index[timed & (of_sums ^ numbers["combine_us_median"].notna())]:
        found = text.at[row, "combine_us_median"]
        yield f"{where(row)}: combine_us_median is {found!r}, input is {text.at[row, 'input']!r}"


def check_beside(text, numbers):
    """What runs beside a GEMM is timed where that was asked for, and nowhere else."""
    for row in text.index[~text["beside"].isin(BESIDE)]:
        yield f"{where(row)}: nothing is named {text.at[row, 'beside']!r} to run beside"
    timed = numbers["output_us_median"].notna() & numbers["rows"].gt(0)
    wanted = timed & text["beside"].eq("gemm")
    for name in BESIDE_TIMES:
        for row in text.index[wanted ^ numbers[name].notna()]:
            found, beside = text.at[row, name], text.at[row, "beside"]
            yield f"{where(row)}: {name} is {found!r} where {beside!r} ran beside"
    one_case = [text[n] for n in ONE_LAUNCH]
    for key, count in text.loc[wanted, "gemm_us_median"].groupby(one_case).nunique().items():
        if count != 1:
            yield f"case {key[-1]} (launch {key[1]}) has {count} times of the GEMM alone"


def check_no_verdict(text, numbers):
    """Scripts decide about rows of older files as the program does about its own."""
    decided = text.assign(**numbers[["planted_pct", "disturbed_pct"]])
    for row, cells in decided.iterrows():
        if cells["no_verdict"] != (expected := no_verdict_of(cells)):
            yield f"{where(row)}: no_verdict is {cells['no_verdict']!r}, not {expected!r}"


def check_padding(text, numbers):
    rows = numbers["rows"].where(numbers["rows"] > 0)
    percent = (rows - numbers["tokens"]) / rows * 100
    padded = numbers["rows_padded_pct"]
    wrong = percent.isna() ^ padded.isna() | ((padded - percent).abs() > 100 * ROUNDED)
    for row in rows.index[wrong]:
        found = text.at[row, "rows_padded_pct"]
        yield f"{where(row)}: rows_padded_pct is {found!r}, not {percent[row]:g}"


def check_limits(text, numbers):
    has_rows = numbers["rows"].gt(0)
    timed = numbers["output_us_median"].gt(0) & has_rows
    alone = numbers["combine_us_median"].gt(0) & has_rows
    flags = text["flags"].str.split(";")
    for row, words in flags.items():
        for word in (w for w in words if w and w not in {*FLAGS, "throttled", "disturbed"}):
            yield f"{where(row)}: no flag is named {word!r}"
    for flag, name in FLAGS.items():
        limit = numbers[name]
        for row in limit.index[timed ^ limit.gt(0)]:
            yield f"{where(row)}: {name} is {text.at[row, name]!r}, which its time does not go with"
        percent = limit / numbers["combine_us_median"] * 100
        near = (percent / BEATEN - 1).abs() <= ROUNDED
        flagged = flags.map(lambda words, flag=flag: flag in words)
        for row in limit.index[(flagged ^ percent.gt(BEATEN)) & ~near]:
            of_time = f"{name} is {percent[row]:g} % of the time"
            yield f"{where(row)}: {of_time}, flags are {text.at[row, 'flags']!r}"
    percent = numbers["limit_us"] / numbers["combine_us_median"] * 100
    for row in percent.index[alone & ~((numbers["pct_of_limit"] / percent - 1).abs() <= ROUNDED)]:
        found = text.at[row, "pct_of_limit"]
        yield f"{where(row)}: pct_of_limit is {found!r}, not {percent[row]:g}"
    for row in text.index[~alone & text["pct_of_limit"].ne("")]:
        yield f"{where(row)}: pct_of_limit is {text.at[row, 'pct_of_limit']!r} of no time"
    one_case = [text[n] for n in ONE_LAUNCH]
    for key, count in text.loc[timed, "contract_limit_us"].groupby(one_case).nunique().items():
        if count != 1:
            yield f"case {key[-1]} (launch {key[1]}) has {count} contract limits"


def where(row):
    return f"line {row + 2}"  # the header is line 1


def read(path):
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except OSError as error:
        raise ResultsError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise ResultsError(f"{path} is not a CSV file: {error}") from None


def check(path, documented):
    text = read(path)
    wrong = list(check_header(list(text.columns), documented))
    if wrong:
        return wrong  # the other checks need the columns
    if text.empty:
        return ["no rows"]
    wrong = list(check_kinds(text, documented))
    if wrong:
        return wrong  # the other checks compute with the numbers
    names = [name for name, (kind, *_) in documented.items() if kind in ("count", "number")]
    numbers = text[names].apply(pd.to_numeric, errors="coerce")
    return [
        *check_forms(text),
        *check_verified(text),
        *check_experts(text, numbers),
        *check_intervals(numbers),
        *check_baselines(text, numbers),
        *check_regions(text, numbers),
        *check_beside(text, numbers),
        *check_no_verdict(text, numbers),
        *check_padding(text, numbers),
        *check_limits(text, numbers),
    ]


@command("check_schema.py")
def main(arguments):
    parser = OneLineParser(description="Checks a results CSV against results/README.md.")
    parser.add_argument("paths", nargs="+", metavar="CSV")
    paths = parser.parse_args(arguments).paths
    documented = documented_columns(README)
    if not documented:
        raise ResultsError(f"no columns documented in {README}")
    wrong = [f"{path}: {line}" for path in paths for line in check(path, documented)]
    print("\n".join(wrong) or f"schema holds: {len(documented)} columns")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())

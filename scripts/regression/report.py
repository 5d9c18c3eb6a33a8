"""What the gate says: Markdown for a CI page, and the short form of it for a terminal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from charts.figures import telling_columns
from moe_results import SETTINGS
from regression.verdicts import FAILING, INCONCLUSIVE, OK, REGRESSION, VERDICTS, is_tested
from setting_names import setting_label

CASE = (*SETTINGS, "seed")
ALWAYS_NAMED = ("load", "tokens")


@dataclass(frozen=True)
class Report:
    headline: str
    facts: list[str]
    warnings: list[str]
    cells: pd.DataFrame  # As judge() leaves them, or paired() for another machine; with a case.
    only_in_new: pd.DataFrame
    blind: str  # Why no regression could have been found, else empty.


def name_cases(frames: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Adds `case`, a name from what tells the cases of all frames apart."""
    every = pd.concat(frames, ignore_index=True)
    columns = telling_columns(every, [name for name in CASE if name in every])
    columns += ALWAYS_NAMED

    def named(frame: pd.DataFrame) -> pd.DataFrame:
        cases = [setting_label(columns, key) for key in frame[columns].itertuples(index=False)]
        return frame.assign(case=cases)

    return [named(frame) for frame in frames]


def markdown(report: Report, full: bool = True) -> str:
    """Failures first. Cells that are ok are left out unless the report is full."""
    blocks = [f"## {report.headline}", *report.facts]
    blocks += [f"**Warning:** {warning}" for warning in report.warnings]
    if "verdict" in report.cells:
        blocks += _judged_tables(report.cells, full)
    else:
        blocks += ["### Speed-ups over the baseline strategy", _table(map(_pair, _rows(report)))]
    if not report.only_in_new.empty:
        names = [f"* {row.case}: {row.combine}" for row in report.only_in_new.itertuples()]
        blocks += ["### Only in NEW, not compared", "\n".join(names)]
    return "\n\n".join(blocks) + "\n"


def _rows(report: Report) -> Iterable:
    return report.cells.itertuples()


def _judged_tables(cells: pd.DataFrame, full: bool) -> list[str]:
    order = cells["verdict"].map(VERDICTS.index)
    cells = cells.assign(order=order).sort_values("order", kind="stable")
    failed = cells["verdict"].isin(FAILING)
    other = ~failed & (full | (cells["verdict"] != OK))
    blocks = []
    for title, chosen in (("Failed", failed), ("Other cells", other)):
        if chosen.any():
            rows = map(judged_row, cells[chosen].itertuples())
            blocks += [f"### {title if full or title == 'Failed' else 'Not ok'}", _table(rows)]
    return blocks


def judged_row(cell) -> dict[str, str]:
    why = cell.reason or cell.doubt
    compared, tested = not cell.reason, not why
    return {
        "verdict": cell.verdict + (f": {why}" if why else ""),
        "case": cell.case,
        "strategy": cell.combine,
        "region": cell.metric,
        "BASELINE us": f"{cell.baseline_us:.4g}",
        "NEW us": f"{cell.new_us:.4g}" if compared else "",
        "change": change_text(cell.ratio) if compared else "",
        "p": f"{cell.p:.2g}" if tested else "",
        "p (Holm)": f"{cell.p_holm:.2g}" if tested else "",
        "launches": f"{len(cell.baseline)}, {len(cell.new)}",
    }


def _pair(cell) -> dict[str, str]:
    return {
        "case": cell.case,
        "strategy": cell.combine,
        "region": cell.metric,
        "BASELINE": f"{cell.baseline_speedup:.3f}",
        "NEW": cell.reason or f"{cell.new_speedup:.3f}",
        "NEW / BASELINE": "" if cell.reason else f"{cell.ratio:.3f}",
        "launches": f"{len(cell.baseline)}, {len(cell.new)}",
    }


def change_text(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"


def counts_text(cells: pd.DataFrame) -> str:
    counts = cells["verdict"].value_counts()
    return ", ".join(f"{counts[name]} {name}" for name in VERDICTS if name in counts)


def headline(cells: pd.DataFrame) -> str:
    failed = cells[cells["verdict"].isin(FAILING)]
    if failed.empty:
        if not is_tested(cells).any():
            return "Regression gate: no verdict, no cell could be tested"
        unsure = (cells["verdict"] == INCONCLUSIVE).any()
        return "Regression gate: passed" + (", with inconclusive cells" if unsure else "")
    slower = failed[failed["verdict"] == REGRESSION]
    names = list(dict.fromkeys((slower if len(slower) else failed)["combine"]))
    what = "slower" if len(slower) else "missing"
    return f"Regression gate: failed, {what}: {', '.join(names)}"


def _table(rows: Iterable[dict[str, str]]) -> str:
    rows = list(rows)
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(map(_escaped, row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("<", "&lt;")

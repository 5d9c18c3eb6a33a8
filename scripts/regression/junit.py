"""The gate's verdicts as JUnit XML, one test case for each cell."""

import re
from pathlib import Path
from xml.etree import ElementTree

from cli import write_text
from regression.report import Report, change_text, judged_row
from regression.verdicts import FAILING, INCONCLUSIVE

SUITE = "check_regression"
# What XML 1.0 cannot hold, not even escaped.
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> ElementTree.Element:
    cases = [_test_case(cell) for cell in report.cells.itertuples()]
    counts = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": 0,
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    attributes = {name: str(count) for name, count in counts.items()}
    root = ElementTree.Element("testsuites", attributes)
    suite = ElementTree.SubElement(root, "testsuite", {"name": SUITE, **attributes, "time": "0"})
    suite.extend(cases)
    ElementTree.SubElement(suite, "system-out").text = _legal(
        "\n".join([report.headline, *report.facts, *report.warnings])
    )
    ElementTree.indent(root)
    return root


def write_junit(report: Report, file: Path) -> None:
    text = ElementTree.tostring(junit(report), encoding="unicode")
    write_text(file, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')


def _test_case(cell) -> ElementTree.Element:
    case = ElementTree.Element("testcase", {
        "classname": _legal(f"{SUITE}.{cell.metric}"),
        "name": _legal(f"{cell.case}: {cell.combine}"),
        "time": "0",
    })
    if not hasattr(cell, "verdict"):
        ElementTree.SubElement(case, "skipped", {"message": "another machine: no verdict"})
        return case
    message = cell.reason or cell.doubt
    message = message or f"{change_text(cell.ratio)}, p (Holm) {cell.p_holm:.2g}"
    details = _legal(", ".join(f"{name} {text}" for name, text in judged_row(cell).items() if text))
    if cell.verdict in FAILING:
        attributes = {"type": cell.verdict, "message": _legal(message)}
        ElementTree.SubElement(case, "failure", attributes).text = details
    elif cell.verdict == INCONCLUSIVE:
        attributes = {"message": _legal(f"{cell.verdict}: {message}")}
        ElementTree.SubElement(case, "skipped", attributes)
    else:
        ElementTree.SubElement(case, "system-out").text = details
    return case


def _legal(text: str) -> str:
    return FORBIDDEN.sub("?", text)

#!/usr/bin/env python3
"""Draws the charts of one or several results sets.

plot.py RESULTS... --out DIR [--format png,svg,html]

RESULTS are CSV files or folders that hold a results.csv. Rows of different claims never share a
figure. The winner map is drawn where a second thing varies beside the tokens. html is one file,
report.html, in which each of RESULTS is a set of its own. Speed-ups are over the all-reduce that
engines run where a case has it, else over its baseline. Exit status: 0, or 2 with one line on
standard error when the input cannot be used.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import packages  # noqa: F401, comes before what it looks for

from matplotlib import style
from matplotlib.figure import Figure

import moe_results
from charts import CHARTS
from charts.figure import draw
from charts.figures import Page, make_maps, make_pages
from charts.style import METADATA, RC_PARAMS
from charts.winner_map import WinnerMap
from cli import OneLineParser, cannot_write, command, write_text
from html_report.page import missing_packages, write_page
from moe_results import ResultsError
from reference import ENGINE, over_reference
from samples import read_samples

IMAGES, PAGE = ("png", "svg"), "html"
FORMATS = (*IMAGES, PAGE)


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(
        description="Draws the charts of results sets of bench_moe_comm: speed-ups, phases,"
        " latency, and a winner map where something varies beside the tokens."
    )
    parser.add_argument("results", nargs="+", help="CSV files, or folders with a results.csv")
    parser.add_argument("--out", required=True, type=Path, help="folder for the charts")
    parser.add_argument("--format", help="of png, svg, html (default: all)")
    options = parser.parse_args(arguments)
    options.format = formats_of(options.format)
    return options


def formats_of(text: str | None) -> list[str]:
    """Those that were asked for; unasked, all that the packages here can make."""
    missing = ", ".join(missing_packages())
    hint = f"Python packages missing: {missing}; scripts/setup.sh installs them"
    if text is None:
        if missing:
            print(f"{PAGE}: not drawn, {hint}")
        return list(IMAGES if missing else FORMATS)
    asked = list(dict.fromkeys(text.split(",")))
    for unknown in sorted(set(asked) - set(FORMATS)):
        raise ResultsError(f"unknown format {unknown!r}, known: {', '.join(FORMATS)}")
    if missing and PAGE in asked:
        raise ResultsError(f"{PAGE}: {hint}")
    return asked


def figures_of(pages: list[Page], maps: list[Page]) -> Iterator[tuple[str, Figure | str]]:
    """Every figure with its name, or why there is none; one after the other: they take memory."""
    for page in pages:
        for chart in CHARTS:
            yield f"{chart.name}{page.suffix}", draw(page, chart) or chart.none
    winner_map = WinnerMap()
    for page in maps:
        why = f"claim {page.claim} allows no verdict" if page.no_verdict else ""
        yield f"{winner_map.name}{page.suffix}", why or draw(page, winner_map)


def write_charts(
    figures: Iterable[tuple[str, Figure | str]], out: Path, formats: Sequence[str]
) -> None:
    make_folder(out)
    for name, figure in figures:
        if isinstance(figure, str):
            print(f"{name}: not drawn, {figure}")
            continue
        for form in formats:
            file = out / f"{name}.{form}"
            save(figure, file, form)
            print(file)


def make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error) from None


def save(figure: Figure, file: Path, form: str) -> None:
    try:
        figure.savefig(file, dpi=150, metadata=METADATA[form])
    except OSError as error:
        raise cannot_write(file, error) from None


def draw_images(rows: list[moe_results.Row], out: Path, formats: Sequence[str]) -> None:
    pages, maps = make_pages(rows), make_maps(rows)
    with style.context(["default", RC_PARAMS]):
        write_charts(figures_of(pages, maps), out, formats)
    for note in dict.fromkeys(note for page in pages for note in page.notes):
        print(note)


def write_report(results: Sequence[str], out: Path) -> None:
    text = write_page(results)
    make_folder(out)
    write_text(out / "report.html", text)
    print(out / "report.html")


@command("plot.py")
def main(arguments: Sequence[str] | None) -> int:
    options = parse_arguments(arguments)
    images = [form for form in options.format if form in IMAGES]
    if images:
        rows = moe_results.read_results(options.results)
        samples = read_samples(options.results)
        draw_images(over_reference(rows, ENGINE, samples), options.out, images)
    if PAGE in options.format:
        write_report(options.results, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())

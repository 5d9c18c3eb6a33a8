"""The style of strategies, and texts that do not cover each other."""

import itertools
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import plot
import pytest
from chart_rows import BASELINE, GAINS, NATIVE, Row, sweep, timed
from charts.layout import push_apart
from charts.style import STYLES, RC_PARAMS
from drawn import figures, maps
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from results_csv import write_csv


def svg_elements(file: Path, tag: str) -> Iterable[ElementTree.Element]:
    return ElementTree.parse(file).iter(f"{{http://www.w3.org/2000/svg}}{tag}")


def line_styles(file: Path) -> dict[str, set[str]]:
    """The drawn style of each strategy's lines."""
    styles: dict[str, set[str]] = {}
    for group in svg_elements(file, "g"):
        if group.get("id", "").startswith("line:"):
            styles.setdefault(group.get("id").split(":")[1], set()).add(group[0].get("style"))
    return styles


def test_a_strategy_looks_the_same_in_every_subset(tmp_path: Path) -> None:
    subsets = {"all": list(GAINS), "two": [BASELINE, NATIVE], "other": [BASELINE, "x_new", NATIVE]}
    styles = []
    for name, subset in subsets.items():
        gains = {strategy: GAINS.get(strategy, (1.1, 1.2)) for strategy in subset}
        file = write_csv(tmp_path / f"{name}.csv", sweep(gains, loads=["balanced"]))
        out = tmp_path / name
        assert plot.main([str(file), "--out", str(out), "--format", "svg"]) == 0
        styles += [line_styles(out / f"{chart}.svg") for chart in ("latency", "speedup_output")]
    for found in styles:
        assert found[BASELINE] == styles[0][BASELINE] != found[NATIVE]
        assert found[NATIVE] == styles[0][NATIVE]
        assert all(len(styles) == 1 for styles in found.values())
    assert STYLES[NATIVE].colour.lower() in next(iter(styles[0][NATIVE]))


def test_all_looks_differ_in_line_and_in_marker_and_colour() -> None:
    assert len(STYLES) == 16
    styles = STYLES.values()
    assert len({(style.colour, style.line) for style in styles}) == 16
    assert len({(style.colour, style.marker) for style in styles}) == 16


def overlapping(boxes: list, slack: float = 1.0) -> list[tuple[str, str]]:
    return [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > slack and min(a.y1, b.y1) - max(a.y0, b.y0) > slack
    ]


ALL = {name: (1.0, 1.0) if name == BASELINE else (1.1, 1.2) for name in STYLES}


@pytest.mark.parametrize(
    "rows",
    [
        sweep(),
        sweep(ALL, [2**power for power in range(4, 15)], ("balanced", "linear", "hot")),
        sweep(ALL, [64], ["counts:8;7;6;0;0;0;0;0"], device="A very long name of a device " * 6),
        sweep(tokens=(0, 1, 1000, 1024)) + sweep(model="m " * 150, tokens=(16,), loads=["hot"]),
        sweep(claim="functional"),
    ],
    ids=["default", "wide", "one", "uneven", "functional"],
)
def test_no_text_is_clipped_or_covered(rows: list[Row], tmp_path: Path) -> None:
    rows = [*rows, timed("x", 1, "hot", 1, obstacle="a/long/path/without/any/space" * 20)]
    with style.context(["default", RC_PARAMS]):
        for chart, figure in figures(rows, tmp_path) + maps(rows, tmp_path):
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            renderer = canvas.get_renderer()
            texts = [t for t in figure.findobj(Text) if t.get_text() and t.get_visible()]
            boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts]
            page = figure.bbox
            for text, box in boxes:
                inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page.x1 and box.y1 <= page.y1
                assert inside, (chart.name, text)
            assert overlapping(boxes) == [], chart.name


def test_push_apart_keeps_order_gap_and_range() -> None:
    assert push_apart([50, 10], 10, 0, 100) == [50, 10]
    assert push_apart([50, 50, 50], 10, 0, 100) == [40, 50, 60]
    assert push_apart([99, 98], 10, 0, 100) == [100, 90]
    assert push_apart([1, 0, 2], 10, 0, 100) == [10, 0, 20]

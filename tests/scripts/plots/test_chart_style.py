"""The style of strategies, and texts that do not cover each other."""

import itertools
from pathlib import Path

import pytest
from chart_rows import BASELINE, GAINS, NATIVE, Row, sweep, timed
from charts.figure import WIDTH
from charts.style import RC_PARAMS, STYLES
from drawn import figures, maps
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

COLUMN = 3.4  # Inches, of a paper.


def line_styles(figure: Figure) -> dict[str, set[tuple]]:
    """The drawn style of each strategy's lines."""
    styles: dict[str, set[tuple]] = {}
    for line in (line for ax in figure.axes for line in ax.lines):
        if not line.get_label().startswith("_"):
            styles.setdefault(line.get_label(), set()).add(
                (line.get_color(), line.get_linestyle()))
    return styles


def test_a_strategy_looks_the_same_in_every_subset_and_in_the_legend(tmp_path: Path) -> None:
    for subset in (list(GAINS), [BASELINE, NATIVE], [BASELINE, "x_new", NATIVE]):
        gains = {strategy: GAINS.get(strategy, (1.1, 1.2)) for strategy in subset}
        for chart, figure in figures(sweep(gains), tmp_path):
            if chart.name in ("phases", "bandwidth"):
                continue
            found = line_styles(figure)
            (legend,) = figure.legends
            entries = {one.get_label(): {(one.get_color(), one.get_linestyle())}
                       for one in legend.legend_handles}
            assert found == entries and set(found) == set(subset), chart.name
            for name in {BASELINE, NATIVE}:
                assert found[name] == {(STYLES[name].colour, STYLES[name].line)}


def test_all_looks_differ_in_grey_and_in_colour() -> None:
    styles = STYLES.values()
    assert len(styles) == 16
    for part in (("line", "marker"), ("colour", "line"), ("colour", "marker")):
        assert len({tuple(getattr(style, name) for name in part) for style in styles}) == 16


def overlapping(boxes: list, slack: float = 1.0) -> list[tuple[str, str]]:
    return [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > slack and min(a.y1, b.y1) - max(a.y0, b.y0) > slack
    ]


def drawn_texts(figure: Figure) -> list[Text]:
    """Without the labels of ticks that are outside of the view."""
    hidden = {tick.label1 for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)
              for tick in axis.get_major_ticks()
              if not min(axis.get_view_interval()) <= tick.get_loc() <= (
                  max(axis.get_view_interval()))}
    return [text for text in figure.findobj(Text)
            if text.get_text() and text.get_visible() and text not in hidden]


ALL = {name: (1.0, 1.0) if name == BASELINE else (1.1, 1.2) for name in STYLES}


@pytest.mark.parametrize(
    "rows",
    [
        sweep(),
        sweep(ALL, [2**power for power in range(4, 15)], ("balanced", "linear", "hot")),
        sweep(ALL, [64], ["counts:8;7;6;0;0;0;0;0"], device="A very long name of a device " * 6),
        sweep(tokens=(0, 1, 1000, 1024)) + sweep(model="a model " * 30, tokens=[16], loads=["hot"]),
        sweep(claim="functional"),
    ],
    ids=["default", "wide", "one", "uneven", "functional"],
)
def test_no_text_is_clipped_covered_or_small_in_a_column(rows: list[Row], tmp_path: Path) -> None:
    rows = [*rows, timed("x", 1, "hot", 1, obstacle="a/long/path/without/any/space" * 20)]
    with style.context(["default", RC_PARAMS]):
        for chart, figure in figures(rows, tmp_path) + maps(rows, tmp_path):
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            renderer = canvas.get_renderer()
            texts = drawn_texts(figure)
            boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts]
            page = figure.bbox
            for text, box in boxes:
                inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page.x1 and box.y1 <= page.y1
                assert inside, (chart.name, text)
            smallest = min(text.get_fontsize() for text in texts)
            assert smallest * COLUMN / WIDTH >= 5, chart.name
            assert overlapping(boxes) == [], chart.name

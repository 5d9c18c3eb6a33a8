"""The report in a browser: headless Chromium, which asks nobody for anything."""

import os
import shutil
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from chart_rows import NATIVE
from pages import ENGINE, GAINS, engine_sweep, report_of, write_set
from program import FULL

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="no Playwright: scripts/setup.sh --lint installs it")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("no Chromium: scripts/setup.sh --lint installs it", allow_module_level=True)

EVIL = "<script>document.title = 'hacked'</script>"
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 400, "height": 800}
DRAWN_MS = 60_000  # Far more than it takes; a loaded machine is no failure.


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as playwright:
        # As root, in a container, Chromium's sandbox cannot be had.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sets side by side, with a model whose name is a script; the first lacks a case."""
    folder = tmp_path_factory.mktemp("report")
    old, new = ([row | {"model": EVIL}
                 for row in engine_sweep(loads=("balanced", "hot"), device=device)]
                for device in ("H100", "H200"))
    old = [row for row in old if (row["load"], row["tokens"]) != ("hot", 64)]
    return report_of(write_set(folder / "old", old), write_set(folder / "new", new))


class Opened:
    """A page in which all is drawn, with what it complained of and asked for meanwhile."""

    def __init__(self, browser: "sync_api.Browser", report: Path, size: dict[str, int]):
        self.page = browser.new_page(viewport=size)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(report.as_uri())
        self.page.wait_for_selector("body[data-ready]", timeout=DRAWN_MS)

    def rows(self) -> list[list[str]]:
        return self.page.eval_on_selector_all(
            "#table tbody tr:not(.gap)",
            "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))")

    def column(self, name: str) -> list[str]:
        names = self.page.eval_on_selector_all(
            "#table th", "cells => cells.map((cell) => cell.dataset.column)")
        return [row[names.index(name)] for row in self.rows()]

    def filter(self, name: str, text: str) -> str:
        """The count that the page then shows."""
        self.page.fill(f'#table th[data-column="{name}"] input', text)
        return self.page.inner_text("#count")


def each_size(scope: str):
    return pytest.fixture(scope=scope, params=[WIDE, NARROW], ids=["1440", "400"])


def open_report(browser, report: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:
    opened = Opened(browser, report, request.param)
    yield opened
    opened.page.close()


seen = each_size("module")(open_report)  # For tests that change nothing in it.
opened = each_size("function")(open_report)


def test_opens_without_an_error_or_a_request(seen: Opened, report: Path) -> None:
    seen.page.wait_for_load_state("networkidle")
    assert seen.complaints == [] and seen.requests == [report.as_uri()]
    drawn = seen.page.eval_on_selector_all(
        ".charts", "all => all.map((one) => [one.id, one.querySelector('svg.main-svg') !== null])")
    assert dict(drawn) == dict.fromkeys(["speedup", "bandwidth", "latency", "phases", "maps"], True)
    texts = seen.page.locator("main").text_content()
    assert "null" not in texts and "NaN" not in texts and "undefined" not in texts
    width = seen.page.evaluate("document.documentElement.scrollWidth")
    assert width == seen.page.viewport_size["width"]


def test_texts_of_files_are_texts(seen: Opened) -> None:
    assert seen.page.title() == "bench_moe_comm: old, new"
    assert set(seen.column("model")) == {EVIL}
    assert EVIL in seen.page.inner_text("#verdict")


def texts_of(opened: Opened, selector: str) -> list[str]:
    return opened.page.locator(selector).all_text_contents()


def test_the_verdict_of_a_row_is_seen_without_scrolling_on_a_wide_screen(browser, report) -> None:
    opened = Opened(browser, report, WIDE)
    table = opened.page.locator("#table").bounding_box()
    verdict = opened.page.locator('#table th[data-column="verdict"]').bounding_box()
    assert verdict["x"] + verdict["width"] <= table["x"] + table["width"]


def test_numbers_are_whole_ones_on_axes_and_as_long_as_each_other_in_maps(seen: Opened) -> None:
    ticks = [float(text) for text in texts_of(seen, "#bandwidth .ytick text")]
    assert ticks and all(f"{tick:e}"[0] in "125" for tick in ticks)
    numbers = [text.strip("~*") for text in texts_of(seen, "#maps .hm text tspan")
               if text[-1:].isdigit()]
    assert numbers and all(len(text.split(".")[1]) == 2 for text in numbers)


def test_words_below_bars_do_not_touch(seen: Opened) -> None:
    ends = seen.page.locator("#phases .plot").first.locator(".xtick text").evaluate_all(
        "texts => texts.map((text) => text.getBoundingClientRect())"
        ".map(({ left, right }) => [left, right]).sort((a, b) => a[0] - b[0])")
    assert len(ends) == 8 and all(right < left for (_, right), (left, _) in pairwise(ends))


def test_sets_side_by_side_have_the_same_axis(browser, tmp_path: Path) -> None:
    sets = [write_set(tmp_path / str(last), engine_sweep(tokens=(16, last)))
            for last in (64, 4096)]
    opened = Opened(browser, report_of(*sets), WIDE)
    for chart, axes in (("speedup", 2), ("bandwidth", 1)):  # Speed-ups are over two references.
        ranges = opened.page.eval_on_selector_all(
            f"#{chart} .plot", "plots => plots.map((plot) => plot.layout.yaxis.range.join())")
        assert len(ranges) == 2 * axes and len(set(ranges)) == axes, chart


def test_what_is_not_drawn_is_not_explained(seen: Opened, browser, tmp_path: Path) -> None:
    assert seen.page.locator("#phases-note").is_visible()
    graphs = [row | {name: "" for name in row if name.endswith("_us_median") and (
        name.split("_us")[0] not in ("output", "layer", "combine"))}
              for row in engine_sweep(graph="on")]
    opened = Opened(browser, report_of(write_set(tmp_path / "graphs", graphs)), WIDE)
    assert opened.page.locator('#table th[data-column="set"]').count() == 0, "of one set"
    assert not opened.page.locator("#phases-note").is_visible()


def test_the_table_filters_and_sorts(opened: Opened) -> None:
    assert opened.page.inner_text("#count") == "60 of 60 rows"
    assert opened.filter("combine", "NATIVE") == "15 of 60 rows"
    assert set(opened.column("combine")) == {NATIVE}
    assert opened.filter("tokens", ">64") == "8 of 60 rows"
    assert opened.filter("set", "new") == "4 of 60 rows"
    title = opened.page.locator('#table th[data-column="output_us"] button')
    times = []
    for direction in ("ascending", "descending"):
        title.click()
        assert title.locator("..").get_attribute("aria-sort") == direction
        times.append([float(text.split()[0]) for text in opened.column("output_us")])
    assert times == [sorted(times[0]), sorted(times[0], reverse=True)] and len(set(times[0])) > 1
    assert opened.filter("combine", "no such") == "0 of 60 rows" and opened.rows() == []


def test_a_point_says_what_it_is(seen: Opened) -> None:
    points = seen.page.locator("#speedup .plot").first.locator(".scatterlayer .trace .point")
    points.last.scroll_into_view_if_needed()
    place = points.last.bounding_box()
    seen.page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    label = seen.page.locator("#speedup .hoverlayer .hovertext").first
    label.wait_for(timeout=DRAWN_MS)
    assert label.text_content().startswith(f"{NATIVE}, 1024 tokens: 1.9 [")


def test_charts_follow_the_choice(opened: Opened) -> None:
    page = opened.page
    headings = page.locator("#speedup h4").all_inner_texts()
    assert headings == [f"{name}: over {reference}" for name in ("old", "new")
                        for reference in (ENGINE, next(iter(GAINS)))]
    assert page.locator("#strategies li").count() == len(GAINS)
    page.select_option("#region", "layer")
    assert page.locator("#speedup .point").count() == 2 * 2 * 4 * len(GAINS)
    page.select_option("#load", "hot")
    page.select_option("#tokens", "1024")
    assert page.locator("#latency h4").first.inner_text() == "old: at 1024 tokens"
    assert "wins at every size" in page.inner_text("#crossover-tables")


def test_a_case_of_the_map_is_chosen_by_a_click(opened: Opened) -> None:
    plot = opened.page.locator("#maps .plot").first
    plot.scroll_into_view_if_needed()
    cells = plot.locator(".heatmaplayer image, .heatmaplayer .hm").first.bounding_box()
    opened.page.mouse.click(cells["x"] + 20, cells["y"] + 0.75 * cells["height"])
    opened.page.wait_for_function("document.getElementById('load').value === 'hot'")


@pytest.mark.skipif(not FULL, reason="takes a minute: MOE_TESTS_FULL=1")
def test_a_hundred_thousand_rows_open_within_five_seconds(browser, tmp_path: Path) -> None:
    rows = []
    while len(rows) < 100_000:
        rows += engine_sweep(tokens=[2**power for power in range(2, 15)], hidden=1024 + len(rows),
                             loads=("balanced", "linear", "zipf:1", "hot"))
    report = report_of(write_set(tmp_path / "a", rows[:100_000]))
    assert report.stat().st_size < 20e6
    start = time.monotonic()
    opened = Opened(browser, report, WIDE)
    assert time.monotonic() - start < 5
    assert opened.page.inner_text("#count") == "100000 of 100000 rows"
    assert opened.filter("hidden", "1024") == "208 of 100000 rows"

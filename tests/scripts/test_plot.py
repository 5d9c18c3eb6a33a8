"""Tests of scripts/plot.py, from the command line down to the text and colours of the SVGs."""

import csv
import itertools
import math
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

import moe_results  # noqa: E402
import plot  # noqa: E402
from charts import CHARTS as KINDS  # noqa: E402
from charts.chart import Chart  # noqa: E402
from charts.figure import draw  # noqa: E402
from charts.figures import make_pages  # noqa: E402
from charts.format import percent_text  # noqa: E402
from charts.layout import push_apart  # noqa: E402
from charts.phases import phase_split  # noqa: E402
from charts.style import LOOKS, PHASES, STYLE  # noqa: E402
from charts.winner_map import CHART, draw_map  # noqa: E402
from charts.winners import make_maps  # noqa: E402

GOLDEN = Path(__file__).resolve().parents[1] / "golden/results_header.csv"
HEADER = GOLDEN.read_text().strip().split(",")

CHARTS = ("speedup_output", "speedup_layer", "phases", "latency", "bandwidth")
WITH_MAP = (*CHARTS, "winner_map")  # Where a second thing varies beside the tokens.
BASELINE = "all_reduce_dp_scatter"
NATIVE = "reduce_scatterv_native"
ALL_REDUCES = (BASELINE, "all_reduce_slice")
# Speed-up of the output step at (16, 1024) tokens; between them it grows with log tokens.
GAINS = {
    BASELINE: (1.0, 1.0),
    "all_reduce_slice": (1.05, 1.12),
    "reduce_scatterv_grouped": (0.82, 1.45),
    NATIVE: (0.97, 1.81),
}
SETTINGS = {
    "schema_version": 1, "run_id": "r1", "launch": 0, "case_id": "c", "backend": "host",
    "device": "EPYC 7763", "claim": "interconnect", "transport": "shared memory", "hosts": 1,
    "ranks": 8, "ranks_per_device": 1, "model": "custom", "hidden": 1024, "experts": 16,
    "top_k": 4, "intermediate": 512, "shared_intermediate": 512, "scale_experts": 1,
    "routing": "uniform", "padding": "sum_len", "dp": 8, "attn_tp": 1, "ep": 8, "moe_tp": 1,
    "gather": "all_reduce_zero_fill", "dtype": "bf16", "graph": "off", "scope": "layer",
    "cache": "cold_weights", "mode": "isolated", "layers": 1, "epilogue": "none", "seed": 1,
    "planted_pct": 0, "scoring": "softmax", "shared_gate": "false", "verified": "true",
    "samples": 40, "stop_reason": "ci",
}

Row = dict[str, object]


def timed(combine: str, tokens: int, load: str, speedup: float, **changes: object) -> Row:
    """A plausible row: the baseline's output step costs 40 us and 0.8 us for each token."""
    output = (40 + 0.8 * tokens) / speedup
    baseline = 40 + 0.8 * tokens
    experts = 60 + 2.2 * tokens * (1.6 if load == "hot" else 1)
    other = 20 + 0.4 * tokens + experts
    layer_speedup = (other + baseline) / (other + output)
    row = SETTINGS | {
        "combine": combine, "tokens": tokens, "load": load, "rows": tokens,
        "form": "all_reduce" if combine in ALL_REDUCES else "reduce_scatter",
        "is_baseline": "true" if combine == BASELINE else "false",
        "gather_us_median": 8 + 0.3 * tokens, "route_us_median": 4 + 0.02 * tokens,
        "permute_us_median": 5 + 0.05 * tokens, "experts_us_median": experts,
        "shared_us_median": 3 + 0.08 * tokens, "local_combine_us_median": 0.2 * output,
        "combine_us_median": 0.8 * output, "wait_us_median": 6.0, "instrumentation_pct": 1.5,
        "busbw_gbps": 0.5 * tokens / output, "contract_limit_us": 0.1 * baseline,
    }
    width = 0.02 if combine != BASELINE else 0.0
    for stem, value, spread in (
        ("speedup_output", speedup, width), ("speedup_layer", layer_speedup, width),
    ):
        row |= {stem: value, f"{stem}_low": value - spread, f"{stem}_high": value + spread}
    for stem, value in (("output_us", output), ("layer_us", other + output)):
        row |= {f"{stem}_median": value, f"{stem}_low": 0.97 * value, f"{stem}_high": 1.03 * value}
    return row | changes


def sweep(
    gains: dict[str, tuple[float, float]] = GAINS,
    tokens: Iterable[int] = (16, 64, 256, 1024),
    loads: Iterable[str] = ("balanced", "hot"),
    **changes: object,
) -> list[Row]:
    def speedup(strategy: str, count: int) -> float:
        low, high = gains[strategy]
        share = math.log2(max(count, 1) / 16) / 6
        return max(0.05, low + (high - low) * share)

    return [
        timed(strategy, count, load, speedup(strategy, count), **changes)
        for load in loads
        for count in tokens
        for strategy in gains
    ]


def write_csv(file: Path, rows: Iterable[Row], header: Iterable[str] = HEADER) -> Path:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, header, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return file


@pytest.fixture
def charts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Draws rows through the command line; answers the texts of each chart in one string. Most of
    the time would go into files: only the texts are written."""

    def save_texts(figure: Figure, file: Path, **_: object) -> None:
        file.write_text(figure_text(figure), encoding="utf-8")

    def draw(rows: Iterable[Row]) -> dict[str, str]:
        file = write_csv(tmp_path / "results.csv", rows)
        monkeypatch.setattr(Figure, "savefig", save_texts)
        assert plot.main([str(file), "--out", str(tmp_path / "out"), "--format", "svg"]) == 0
        return {svg.stem: svg.read_text() for svg in (tmp_path / "out").glob("*.svg")}

    return draw


def figure_text(figure: Figure) -> str:
    """A wrapped title is several texts: joined by spaces it is whole again."""
    return " ".join(text.get_text() for text in figure.findobj(Text) if text.get_text())


def svg_elements(file: Path, tag: str) -> Iterable[ElementTree.Element]:
    return ElementTree.parse(file).iter(f"{{http://www.w3.org/2000/svg}}{tag}")


def line_styles(file: Path) -> dict[str, set[str]]:
    """The drawn style of each strategy's lines."""
    styles: dict[str, set[str]] = {}
    for group in svg_elements(file, "g"):
        if group.get("id", "").startswith("line:"):
            styles.setdefault(group.get("id").split(":")[1], set()).add(group[0].get("style"))
    return styles


def figures(rows: list[Row], tmp_path: Path) -> list[tuple[Chart, Figure]]:
    """The figures before they are written, with the chart that each one is."""
    file = write_csv(tmp_path / "results.csv", rows)
    pages = make_pages(moe_results.read_results([file]))
    drawn = [(chart, draw(page, chart)) for page in pages for chart in KINDS]
    return [(chart, figure) for chart, figure in drawn if figure]


def maps(rows: list[Row], tmp_path: Path) -> list[tuple[Chart, Figure]]:
    file = write_csv(tmp_path / "results.csv", rows)
    return [(CHART, draw_map(one)) for one in make_maps(moe_results.read_results([file]))]


# --- Files --------------------------------------------------------------------------------------


def test_writes_every_chart_in_both_formats_and_says_so(tmp_path: Path) -> None:
    write_csv(tmp_path / "results.csv", sweep(tokens=(16, 64)))
    out = tmp_path / "deep" / "charts"
    run = subprocess.run(
        [SCRIPTS / "plot.py", tmp_path, "--out", out], capture_output=True, text=True, check=True,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    names = {f"{chart}.{form}" for chart in WITH_MAP for form in ("png", "svg")}
    assert {path.name for path in out.iterdir()} == names
    assert set(run.stdout.split("\n")) - {""} == {str(out / name) for name in names}
    assert run.stderr == ""
    for png in out.glob("*.png"):
        assert png.read_bytes().startswith(b"\x89PNG")


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    rows = sweep(tokens=(16, 64))
    first, second = tmp_path / "first", tmp_path / "second"
    for out, order in ((first, rows), (second, rows[::-1])):
        file = write_csv(tmp_path / "results.csv", order)
        assert plot.main([str(file), "--out", str(out)]) == 0
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name
    assert len(list(second.iterdir())) == 2 * len(WITH_MAP)


def test_a_users_own_matplotlib_settings_change_nothing(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "results.csv", sweep(tokens=(16,), loads=("hot",)))
    for name, settings in (("plain", {}), ("users", {"font.size": 20, "axes.facecolor": "red"})):
        with style.context(settings):
            assert plot.main([str(file), "--out", str(tmp_path / name), "--format", "svg"]) == 0
    for path in (tmp_path / "plain").iterdir():
        assert path.read_bytes() == (tmp_path / "users" / path.name).read_bytes()


# --- Findings -----------------------------------------------------------------------------------


def test_the_title_says_who_wins_from_where_by_how_much(charts) -> None:
    gains = {BASELINE: (1, 1), NATIVE: (0.97, 1.81)}
    text = charts(sweep(gains, loads=["balanced"]))["speedup_output"]
    assert f"{NATIVE} wins the output step from 64 tokens: 1.81× at 1024 (balanced)" in text


def test_a_second_winner_is_named_with_its_sizes(charts) -> None:
    text = charts(sweep(loads=["balanced"]))["speedup_output"]
    assert "1.81× at 1024, all_reduce_slice at 16 tokens only (balanced)" in text


def test_rivals_with_overlapping_intervals_are_tied(charts) -> None:
    gains = {BASELINE: (1, 1), NATIVE: (1.3, 1.81), "reduce_scatterv_peer": (1.2, 1.80)}
    text = charts(sweep(gains, loads=["hot"]))["speedup_output"]
    assert f"{NATIVE} leads the output step at every size: 1.81× at 1024, tied with" in text
    assert "wins" not in text


def test_speed_ups_against_two_baselines_are_never_joined(charts) -> None:
    rows = sweep(loads=("balanced",))
    other = [row | {"run_id": "r2", "is_baseline": str(row["combine"] == NATIVE).lower()}
             for row in rows]
    text = charts([*rows, *other])["speedup_output"]
    assert f"against {BASELINE}" in text and f"against {NATIVE}" in text
    assert "one launch" in text


def test_late_ranks_are_a_setting_and_older_files_have_none(charts, tmp_path: Path) -> None:
    rows = sweep(loads=("balanced",))
    late = [row | {"case_id": "late", "skew_us": "50"} for row in rows]
    text = charts([*(row | {"skew_us": "0"} for row in rows), *late])["speedup_output"]
    assert "skew_us 50" in text and "skew us 0, 50" in text
    older = write_csv(tmp_path / "older.csv", rows, [name for name in HEADER if name != "skew_us"])
    newer = write_csv(tmp_path / "newer.csv", [row | {"skew_us": "0"} for row in rows])
    joined = moe_results.join_launches(moe_results.read_results([older, newer]))
    assert {row["launch_count"] for row in joined} == {2}


def test_charts_of_synthetic_traffic_say_so(charts) -> None:
    rows = sweep(loads=("balanced",))
    assert "steps source" not in charts(rows)["speedup_output"]
    text = charts([row | {"steps_source": "synthetic traffic isl=9"} for row in rows])
    assert "steps source synthetic traffic isl=9" in text["speedup_output"]


def test_graphs_one_by_one_and_chained_are_never_joined(charts) -> None:
    """Rows of one case_id, by programs from before and with chains."""
    rows = [row | {"graph": "on"} for row in sweep(loads=("balanced",))]
    text = charts([*rows, *(row | {"run_id": "r2", "mode": "chained"} for row in rows)])
    for name in ("speedup_output", "latency"):
        assert "mode chained, balanced" in text[name] and "mode isolated, balanced" in text[name]
        assert "one launch" in text[name]


def test_no_strategy_beats_the_baseline(charts) -> None:
    gains = {name: (1, 1) if name == BASELINE else (0.6, 0.9) for name in GAINS}
    text = charts(sweep(gains))["speedup_output"]
    assert "No strategy beats the baseline in the output step (balanced, hot)" in text
    assert " wins " not in text


def test_an_interval_that_contains_1_is_not_resolved(charts) -> None:
    gains = {BASELINE: (1, 1), NATIVE: (1.01, 1.01), "all_reduce_slice": (0.8, 0.9)}
    text = charts(sweep(gains, loads=["balanced"], tokens=[64]))
    best = f"(best: {NATIVE}, 1.01× at 64 tokens)"
    assert f"Not resolved: no gain in the output step {best}" in text["speedup_output"]
    assert "Not resolved: no gain in the whole layer" in text["speedup_layer"]
    assert "(not resolved)" in text["latency"]


def test_a_speedup_without_an_interval_is_not_resolved(charts) -> None:
    gains = {BASELINE: (1, 1), NATIVE: (1.5, 1.5)}
    no_interval = {"speedup_output_low": "", "speedup_output_high": ""}
    text = charts(sweep(gains, loads=["hot"], **no_interval))["speedup_output"]
    assert "Not resolved: no gain in the output step" in text


def test_panels_that_differ_keep_their_own_findings(charts) -> None:
    rows = sweep({BASELINE: (1, 1), NATIVE: (1.2, 1.5)}, loads=["balanced"])
    rows += sweep({BASELINE: (1, 1), NATIVE: (0.5, 0.7)}, loads=["hot"])
    text = charts(rows)["speedup_output"]
    title = "The output step: any gain depends on load; up to 1.50×"
    assert f"{title} ({NATIVE}, 1024 tokens, balanced) device" in text
    assert f"balanced {NATIVE} wins the output step at every size: 1.50× at 1024 " in text
    assert "hot No strategy beats the baseline in the output step " in text


def test_panels_with_other_winners_share_one_short_sentence(charts) -> None:
    slices = {BASELINE: (1, 1), "all_reduce_slice": (1.3, 1.4), NATIVE: (1.1, 1.2)}
    texts = charts(sweep(loads=["balanced"]) + sweep(slices, loads=["hot"]))
    speedup, latency = texts["speedup_output"], texts["latency"]
    title = "The output step: who wins depends on load and batch size; up to 1.81×"
    assert f"{title} ({NATIVE}, 1024 tokens, balanced) device" in speedup
    finding = f"{NATIVE} wins the output step from 64 tokens: 1.81× at 1024"
    assert f"{finding}, all_reduce_slice at 16 tokens only" in speedup
    assert "hot all_reduce_slice wins the output step at every size: 1.40×" in speedup
    title = "Who has the fastest output step at 1024 tokens depends on load: 475 µs to 614 µs"
    assert f"{title} device" in latency
    assert f"balanced {NATIVE} has the fastest output step at 1024 tokens: 475 µs" in latency


def test_the_largest_gain_need_not_be_the_leaders(charts) -> None:
    rows = sweep({BASELINE: (1, 1), NATIVE: (1.2, 1.3)}, loads=["balanced"])
    rows.append(timed("all_reduce_slice", 16, "balanced", 2.0))
    rows += sweep({BASELINE: (1, 1), NATIVE: (0.5, 0.7)}, loads=["hot"])
    text = charts(rows)["speedup_output"]
    assert "up to 2.00× (all_reduce_slice, 16 tokens, balanced)" in text


def test_panels_tied_at_the_top_have_no_winner_in_the_title(charts) -> None:
    gains = {BASELINE: (1, 1), NATIVE: (1.3, 1.81), "all_reduce_slice": (1.3, 1.80)}
    other = {BASELINE: (1, 1), "all_reduce_slice": (1.3, 1.81), NATIVE: (1.3, 1.80)}
    text = charts(sweep(gains, loads=["balanced"]) + sweep(other, loads=["hot"]))["speedup_output"]
    assert "The output step: who leads depends on load" in text and " wins " not in text


def test_no_resolved_gain_in_any_panel(charts) -> None:
    rows = sweep({BASELINE: (1, 1), NATIVE: (1.01, 1.01)}, loads=["balanced"])
    rows += sweep({BASELINE: (1, 1), NATIVE: (0.5, 0.7)}, loads=["hot"])
    texts = charts(rows)
    assert "No resolved gain in the output step device" in texts["speedup_output"]
    title = "Who has the fastest output step at 1024 tokens depends on load, not resolved in some"
    assert title in texts["latency"]


def test_the_title_names_what_the_winner_depends_on(charts) -> None:
    slices = {BASELINE: (1, 1), "all_reduce_slice": (1.3, 1.4)}
    natives = {BASELINE: (1, 1), NATIVE: (1.3, 1.4)}
    one = [sweep(slices, model="a"), sweep(natives, model="b")]
    text = charts(itertools.chain(*one))["speedup_output"]
    assert "The output step: who wins depends on setting; up to 1.40×" in text
    both = [sweep(slices, model="a"), sweep(natives, model="b", loads=["balanced"]),
            sweep(slices, model="b", loads=["hot"])]
    text = charts(itertools.chain(*both))["speedup_output"]
    assert "The output step: who wins depends on load and setting; up to 1.40×" in text


def test_panels_that_agree_share_a_headline_with_a_range(charts) -> None:
    rows = sweep({BASELINE: (1, 1), NATIVE: (1.2, 1.5)}, loads=["balanced"])
    rows += sweep({BASELINE: (1, 1), NATIVE: (1.2, 1.7)}, loads=["hot"])
    text = charts(rows)["speedup_output"]
    assert f"{NATIVE} wins the output step at every size: 1.50× to 1.70× (balanced, hot)" in text
    assert "at every size: 1.70× at 1024" in text


def test_hollow_markers_are_exactly_the_unresolved_points(tmp_path: Path) -> None:
    gains = {BASELINE: (1, 1), NATIVE: (1.0, 1.06)}
    (chart, figure), *_ = figures(sweep(gains, loads=["balanced"]), tmp_path)
    assert chart.name == "speedup_output"
    hollow = [
        y for line in figure.axes[0].lines for y in line.get_ydata()
        if line.get_marker() == LOOKS[NATIVE].marker and line.get_markerfacecolor() == "white"
    ]
    # 1.00 and 1.02 reach 1 with half-width 0.02, 1.04 and 1.06 do not.
    assert hollow == pytest.approx([1.0, 1.02])


def test_the_phases_title_states_the_share_of_the_combine(charts) -> None:
    phases = dict.fromkeys(PHASES, 0.0) | {"experts_us_median": 60, "combine_us_median": 40}
    rows = sweep(loads=["balanced"], **phases)
    for row in rows:
        if row["tokens"] == 1024:
            row["combine_us_median"] = 1
    text = charts(rows)["phases"]
    share = "The combine takes 40 % of the baseline's layer at 16 tokens and 1.6 % at 1024"
    assert f"{share} (balanced)" in text
    assert f"left bars: {BASELINE}; right bars: {NATIVE}" in text


def test_a_small_share_is_not_printed_as_none(charts) -> None:
    phases = dict.fromkeys(PHASES, 0.0) | {"experts_us_median": 10_000, "combine_us_median": 3}
    text = charts(sweep(**phases))["phases"]
    assert "Share" not in text and "The combine takes 0.03 % of the baseline's layer" in text


@pytest.mark.parametrize(
    ("percent", "text"),
    [(0, "0 %"), (0.004, "<0.01 %"), (0.005, "0.01 %"), (0.031, "0.03 %"), (0.094, "0.09 %"),
     (0.096, "0.1 %"), (1.64, "1.6 %"), (9.94, "9.9 %"), (9.96, "10 %"), (40, "40 %")],
)
def test_percent_text(percent: float, text: str) -> None:
    assert percent_text(percent) == text


@pytest.mark.parametrize(
    ("forms", "shown"),
    [({}, NATIVE), ({"form": ""}, "all_reduce_slice"),
     ({"form": "reduce_scatter"}, "all_reduce_slice")],
    ids=("as_they_are", "of_an_older_file", "not_by_name"),
)
def test_the_phases_of_the_best_reduce_scatter_are_shown(forms, shown, charts) -> None:
    gains = {BASELINE: (1, 1), "all_reduce_slice": (2, 2), NATIVE: (1.2, 1.2)}
    text = charts(sweep(gains, loads=["balanced"], **forms))["phases"]
    assert f"left bars: {BASELINE}; right bars: {shown}" in text


def test_a_fused_strategy_shows_its_output_step_as_the_combine(charts) -> None:
    fused = "reduce_scatterv_fused"
    rows = sweep({BASELINE: (1, 1), fused: (1.5, 2.5)}, loads=["hot"])
    for row in rows:
        if row["combine"] == fused:
            row |= {"combine_us_median": "", "local_combine_us_median": ""}
    text = charts(rows)["phases"]
    assert f"right bars: {fused}, its combine with the local combine in it" in text
    empty = dict.fromkeys(PHASES, math.nan)
    split = phase_split(pd.DataFrame([empty | {"output_us_median": 7.0}])).iloc[0]
    assert split["combine_us_median"] == 7.0 == split.sum()


# --- What a number may claim --------------------------------------------------------------------


def test_functional_charts_say_that_their_times_say_nothing(charts) -> None:
    texts = charts(sweep(claim="functional"))
    assert set(texts) == set(CHARTS)
    for text in texts.values():
        assert "functional: ranks > cores, times say nothing about speed" in text
        assert " wins " not in text and "fastest" not in text


def test_a_shared_machine_gives_charts_without_a_verdict(charts, capsys) -> None:
    texts = charts(sweep(claim="shared_machine"))
    assert set(texts) == set(CHARTS)
    for text in texts.values():
        assert "shared_machine: other programs were on the device" in text
        assert " wins " not in text and "fastest" not in text
    said = "winner_map: not drawn, claim shared_machine allows no verdict"
    assert said in capsys.readouterr().out


def test_who_is_faster_is_not_resolved_where_others_had_the_cores(charts, capsys) -> None:
    texts = charts(sweep(no_verdict="disturbed"))
    for name in ("speedup_output", "speedup_layer", "latency"):
        assert "ot resolved" in texts[name] or "perhaps tied" in texts[name]
        assert " wins " not in texts[name] and " leads " not in texts[name]
    said = "not resolved, for others had a rank's core: "
    assert said in capsys.readouterr().out and said in texts["speedup_output"]


def test_charts_of_a_shared_gpu_say_that_it_is_no_interconnect(charts) -> None:
    for text in charts(sweep(claim="functional", backend="cuda")).values():
        assert "functional: ranks share a GPU, times say nothing about an interconnect" in text


def test_memory_charts_say_that_they_are_no_interconnect(charts) -> None:
    for text in charts(sweep(claim="memory")).values():
        assert "one shared memory: not an interconnect's numbers" in text


def test_claims_never_share_a_figure(charts) -> None:
    faster = {name: (ends[0] + 1, ends[1] + 1) for name, ends in GAINS.items()} | {BASELINE: (1, 1)}
    small = {"loads": ["hot"]}
    rows = sweep(**small) + sweep(faster, claim="memory", **small)
    texts = charts(rows + sweep(claim="functional", **small))
    assert set(texts) == {
        chart + claim for chart in CHARTS for claim in ("", "-memory", "-functional")
    }
    headline, memory = texts["speedup_output"], texts["speedup_output-memory"]
    assert "1.81×" in headline and "2.81×" not in headline
    assert "drawn apart, for their claim is weaker: memory, functional rows" in headline
    assert "2.81×" in memory and "1.81×" not in memory


def test_the_subtitle_states_the_machine_and_the_case(charts) -> None:
    text = charts(sweep())["speedup_output"]
    assert "device EPYC 7763 · ranks 8 · hosts 1" in text
    assert "model custom · hidden 1024 · dtype bf16" in text
    assert "claim: interconnect" in text


# --- Rows without a time ------------------------------------------------------------------------


def test_rows_without_a_time_are_listed(charts, capsys: pytest.CaptureFixture[str]) -> None:
    rows = sweep()
    rows += [
        SETTINGS | {"combine": "reduce_scatter_symmetric", "tokens": tokens, "load": "balanced",
                    "is_baseline": "false", "verified": "", "claim": "",
                    "obstacle": "needs NCCL 2.27, costs $5 and $6"}
        for tokens in (16, 64)
    ]
    rows.append(timed("reduce_scatterv_peer", 16, "hot", 9.0, verified="false"))
    rows.append(timed("reduce_scatterv_push", 16, "hot", 9.0, planted_pct=30,
                      no_verdict="planted"))
    notes = (
        "left out: reduce_scatter_symmetric: needs NCCL 2.27, costs $5 and $6 (2 rows)",
        "left out: reduce_scatterv_peer: wrong result (verified=false) (1 row)",
        "left out: reduce_scatterv_push: planted slow-down of 30 %, never a result (1 row)",
    )
    texts = charts(rows)
    printed = capsys.readouterr().out
    for note in notes:
        assert note in printed
        assert all(note in text for text in texts.values())
    assert "9.00×" not in texts["speedup_output"]


def test_marks_stand_at_their_token_counts(tmp_path: Path) -> None:
    """On a line that rises, beside them equal times looked like 1.6 times."""
    for chart, figure in figures(sweep(), tmp_path):
        if chart.name == "phases":
            continue
        for ax in figure.axes:
            lines = [line for line in ax.lines if (line.get_gid() or "").startswith("line:")]
            assert {tuple(line.get_xdata()) for line in lines} == {(4, 6, 8, 10)}, chart.name
            ends = {x for bars in ax.collections for path in bars.get_paths()
                    for x in path.vertices[:, 0]}
            assert ends <= {4, 6, 8, 10}, chart.name


IN_GRAPH = {name: "" for name in HEADER if name in PHASES and name != "combine_us_median"}


def test_rows_of_graphs_are_not_in_the_phases_chart(charts, capsys) -> None:
    graphs = sweep(loads=("balanced",), graph="on", mode="chained", **IN_GRAPH)
    text = charts([*sweep(loads=("balanced",)), *graphs])["phases"]
    assert "100 %" not in text and "mode chained" not in text
    assert "graph on: not in this chart, a layer in a graph has no phases" in text
    assert "graph off" in text and "graph off, on" not in text


def test_of_graphs_alone_there_is_no_phases_chart(charts, capsys) -> None:
    texts = charts(sweep(loads=("balanced",), graph="on", mode="chained", **IN_GRAPH))
    assert "phases" not in texts and "speedup_layer" in texts
    assert "phases: not drawn, no row has phases" in capsys.readouterr().out


def test_the_fastest_may_be_tied(charts) -> None:
    gains = {BASELINE: (1, 1), NATIVE: (1.3, 1.81), "all_reduce_slice": (1.2, 1.80)}
    text = charts(sweep(gains, loads=["hot"]))["latency"]
    assert f"{NATIVE} has the fastest output step at 1024 tokens (perhaps tied): " in text


def test_a_line_breaks_where_a_strategy_has_no_time(tmp_path: Path) -> None:
    rows = [
        row for row in sweep(loads=["balanced"])
        if (row["combine"], row["tokens"]) != (NATIVE, 64)
    ]
    (_, figure), *_ = figures(rows, tmp_path)
    lines = {line.get_gid(): line.get_ydata() for line in figure.axes[0].lines}
    missing = [math.isnan(y) for y in lines[f"line:{NATIVE}:0"]]
    assert missing == [False, True, False, False]


def test_rows_of_scope_output_have_no_layer_charts(charts, capsys) -> None:
    layer = {name: "" for name in HEADER if "layer_us" in name or "speedup_layer" in name}
    texts = charts(sweep(scope="output", **layer))
    assert set(texts) == {"speedup_output", "latency", "bandwidth", "winner_map"}
    assert "no layer times in these rows (scope output)" in texts["speedup_output"]
    assert "phases: not drawn" in capsys.readouterr().out


# --- Shapes of a sweep --------------------------------------------------------------------------


def test_one_token_count(charts) -> None:
    text = charts(sweep(tokens=[1024], loads=["balanced"]))["speedup_output"]
    assert f"{NATIVE} wins the output step at 1024 tokens: 1.81× (balanced)" in text


def test_only_the_baseline(charts) -> None:
    texts = charts(sweep({BASELINE: (1, 1)}))
    assert set(texts) == set(CHARTS)
    assert "Only the baseline was timed in the output step" in texts["speedup_output"]


def test_zero_tokens_stand_apart_from_the_line(tmp_path: Path) -> None:
    (_, figure), *_ = figures(sweep(tokens=(0, 16, 64), loads=["hot"]), tmp_path)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "16", "64"]
    lines = {line.get_gid(): line.get_xdata() for line in axes.lines}
    assert [math.isnan(x) for x in lines[f"line:{NATIVE}:0"]] == [True, False, False]


def test_mixed_loads_are_panels_beside_the_others(tmp_path: Path) -> None:
    rows = sweep(tokens=(16, 64), loads=("balanced", "idle:1"))
    rows += sweep(tokens=(68,), loads=("mixed:64:4",), phase="mixed")
    for chart, figure in figures(rows, tmp_path):
        # 68 stands so near that it would hide their own 64.
        ticks = {ax.get_label(): [tick.get_text() for tick in ax.get_xticklabels()]
                 for ax in figure.axes}
        dealt = ["16", "64"]
        assert ticks == {"balanced": dealt, "idle:1": dealt, "mixed:64:4": ["68"]}, chart.name
    ((_, winner_map),) = maps(rows, tmp_path)
    assert [ax.get_label() for ax in winner_map.axes] == ["all loads"]


def test_a_mixed_load_is_a_setting_where_others_have_phases(charts) -> None:
    mixed = sweep(tokens=(68,), loads=("mixed:64:4",), phase="mixed")
    texts = charts([*sweep(loads=("balanced",), phase="decode"), *mixed])
    for title in ("phase decode, balanced", "phase mixed, mixed:64:4"):
        assert title in texts["speedup_output"]


def test_lines_stay_inside_their_panels(tmp_path: Path) -> None:
    rows = sweep(tokens=(16, 64, 65, 256), loads=("balanced",))
    rows += sweep(tokens=(256,), loads=("mixed:256:0",), phase="mixed")
    rows += sweep(tokens=(15, 260), loads=("hot",))
    for chart, figure in figures(rows, tmp_path):
        for ax in figure.axes:
            low, high = ax.get_xlim()
            places = [x for line in ax.lines if line.get_transform() == ax.transData
                      for x in line.get_xdata() if line.get_gid()]
            assert all(low < x < high for x in places), chart.name


def test_a_few_settings_are_rows_of_panels(charts) -> None:
    rows = sweep(model="a", hidden=512) + sweep(model="b", hidden=4096)
    text = charts(rows)["speedup_output"]
    assert all(label in text for label in ("a, balanced", "a, hot", "b, balanced", "b, hot"))
    assert "model a, b · hidden 512, 4096" in text


def test_many_settings_are_figures_of_their_own(charts) -> None:
    rows = [row for dp in (1, 2, 4, 8, 16) for row in sweep(dp=dp, tokens=[16], loads=["hot"])]
    names = {f"{chart}-dp-{dp}" for chart in CHARTS for dp in (1, 2, 4, 8, 16)}
    assert set(charts(rows)) == names


def test_launches_of_a_cell_are_joined(tmp_path: Path, charts) -> None:
    peaks = (1.2, 1.9, 1.5, 1.6, 1.4, 1.7, 1.3)
    rows = [
        row
        for launch, peak in enumerate(peaks)
        for row in sweep({BASELINE: (1, 1), NATIVE: (peak, peak)}, loads=["hot"], launch=launch)
    ]
    text = charts(rows)["speedup_output"]
    assert "at every size: 1.50×" in text
    assert "7 launches: medians and 95 % intervals over launches" in text
    (_, figure), *_ = figures(rows, tmp_path)
    [bars] = figure.axes[0].collections
    assert {tuple(path.vertices[:, 1]) for path in bars.get_paths()} == {(1, 1), (1.2, 1.9)}


def test_few_launches_span_their_own_intervals(charts) -> None:
    rows = [row for launch in range(2) for row in sweep(launch=launch)]
    assert "2 launches: medians over launches, bars span" in charts(rows)["speedup_output"]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "results.csv", sweep())
    assert len(moe_results.read_results([file, tmp_path])) == len(sweep())
    other = write_csv(tmp_path / "other.csv", sweep())
    assert len(moe_results.read_results([file, other])) == 2 * len(sweep())


@pytest.mark.parametrize(("count", "rank"), [(0, 0), (5, 0), (6, 1), (8, 1), (9, 2), (12, 3)])
def test_order_statistic_rank(count: int, rank: int) -> None:
    """From tables of the sign test at 5 %, two-sided."""
    assert moe_results.order_statistic_rank(count) == rank


# --- Looks and layout ---------------------------------------------------------------------------


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
        assert all(len(looks) == 1 for looks in found.values())
    assert LOOKS[NATIVE].colour.lower() in next(iter(styles[0][NATIVE]))


def test_all_looks_differ_in_line_and_in_marker_and_colour() -> None:
    assert len(LOOKS) == 15
    looks = LOOKS.values()
    assert len({(look.colour, look.line) for look in looks}) == 15
    assert len({(look.colour, look.marker) for look in looks}) == 15


def overlapping(boxes: list, slack: float = 1.0) -> list[tuple[str, str]]:
    return [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > slack and min(a.y1, b.y1) - max(a.y0, b.y0) > slack
    ]


ALL = {name: (1.0, 1.0) if name == BASELINE else (1.1, 1.2) for name in LOOKS}


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
    with style.context(["default", STYLE]):
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


# --- Input that cannot be used ------------------------------------------------------------------


def one_line(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert plot.main([str(argument) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("plot.py: ")
    return error


def test_no_such_file(tmp_path: Path, capsys) -> None:
    error = one_line(capsys, tmp_path / "none.csv", "--out", tmp_path / "out")
    assert f"no such file: {tmp_path / 'none.csv'}" in error
    assert "results.csv" in one_line(capsys, tmp_path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_columns_are_named(tmp_path: Path, capsys) -> None:
    header = [name for name in HEADER if name not in ("claim", "speedup_output_low")]
    file = write_csv(tmp_path / "old.csv", sweep(), header)
    error = one_line(capsys, file, "--out", tmp_path / "out")
    assert "missing columns: claim, speedup_output_low" in error


def test_more_columns_are_fine(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "new.csv", sweep(), ["first", *HEADER, "last"])
    assert len(moe_results.read_results([file])) == len(sweep())


def test_no_rows_with_a_time(tmp_path: Path, capsys) -> None:
    rows = [row | {"obstacle": "no\nluck"} for row in sweep()]
    file = write_csv(tmp_path / "results.csv", rows)
    error = one_line(capsys, file, "--out", tmp_path / "out")
    assert "no rows with a time" in error and "no luck" in error


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"speedup_output": "fast"}, "speedup_output: 'fast' is no number"),
        ({"layer_us_low": "inf"}, "layer_us_low: 'inf' is no number"),
        ({"claim": "magic"}, "unknown claim 'magic'"),
        ({"schema_version": 2}, "schema_version '2', not 1"),
    ],
)
def test_a_bad_cell_is_named_with_its_line(tmp_path: Path, capsys, change, complaint) -> None:
    rows = sweep()
    rows[1] |= change
    file = write_csv(tmp_path / "results.csv", rows)
    assert f"{file}:3: {complaint}" in one_line(capsys, file, "--out", tmp_path / "out")


def test_a_cut_row_and_an_empty_or_binary_file(tmp_path: Path, capsys) -> None:
    cut = write_csv(tmp_path / "cut.csv", sweep())
    cut.write_text(cut.read_text()[:-60])
    assert "not as many cells" in one_line(capsys, cut, "--out", tmp_path / "out")
    empty = tmp_path / "empty.csv"
    empty.touch()
    assert "is empty" in one_line(capsys, empty, "--out", tmp_path / "out")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "is not a CSV file" in one_line(capsys, binary, "--out", tmp_path / "out")


def test_bad_options(tmp_path: Path, capsys) -> None:
    file = write_csv(tmp_path / "results.csv", sweep())
    out = tmp_path / "out"
    error = one_line(capsys, file, "--out", out, "--format", "png,html")
    assert "unknown format 'html', known: png, svg" in error
    assert "--out" in one_line(capsys, file)
    assert "results" in one_line(capsys, "--out", out)
    assert "cannot write" in one_line(capsys, file, "--out", file)
    assert not out.exists()

"""Charts of sets that have the all-reduce that engines run: speed-ups are over that."""

from chart_rows import BASELINE, NATIVE, sweep
from charts.style import STYLES

ENGINE = "all_reduce_engine_dp_scatter"
GAINS = {BASELINE: (1.0, 1.0), ENGINE: (1.6, 1.25), NATIVE: (1.2, 1.5)}


def test_speed_ups_are_over_what_engines_run(charts) -> None:
    text = charts(sweep(GAINS, backend="cuda"))["speedup_output"]
    assert f"{NATIVE} 1.20×" in text and f"{ENGINE} 1.00× (reference)" in text
    assert f"{BASELINE} 0.80×" in text
    assert "speed-up over the engines' all-reduce (×, log scale)" in text
    assert f"against {ENGINE}" in text and "the baseline" not in text


def test_the_other_charts_name_the_same_reference(charts) -> None:
    texts = charts(sweep(GAINS, backend="cuda", tokens=(16, 64)))
    assert "of the engines' all-reduce's layer" in texts["phases"]
    assert "The engines' all-reduce wins the output step in all 4 cells" in texts["winner_map"]
    assert "The engines' all-reduce has the fastest output step" in texts["latency"]
    for name in ("phases", "winner_map", "latency", "speedup_layer"):
        assert "the baseline" not in texts[name], name


def test_on_cores_and_without_that_form_they_are_over_the_baseline(charts) -> None:
    text = charts(sweep(GAINS))["speedup_output"]
    assert f"{ENGINE} 1.25×" in text and f"{BASELINE} 1.00× (baseline)" in text


def test_the_reference_has_a_look_of_its_own() -> None:
    assert ENGINE in STYLES

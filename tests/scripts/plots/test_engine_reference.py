"""Charts of sets that have the all-reduce that engines run: speed-ups are over that."""

from chart_rows import BASELINE, MPI, NATIVE, sweep
from charts.style import STYLES

ENGINE = "all_reduce_engine_dp_scatter"
ENGINES = "the engine's own all-reduce + dp_scatter"  # What charts call it.
GAINS = {BASELINE: (1.0, 1.0), ENGINE: (1.6, 1.25), NATIVE: (1.2, 1.5)}


def test_speed_ups_are_over_what_engines_run(charts) -> None:
    text = charts(sweep(GAINS, backend="cuda"))["speedup_output"]
    assert f"{NATIVE} is faster than {ENGINES} in 2 of 8 cases" in text
    assert "up to 1.20× (1024 tokens, balanced)" in text
    assert f"Speed-up of the output step over {ENGINES}." in text
    assert f"against {ENGINE}" in text and "the baseline" not in text


def test_the_other_charts_name_the_same_reference(charts) -> None:
    texts = charts(sweep(GAINS, backend="cuda", tokens=(16, 1024)))
    assert f"of the layer with {ENGINES}" in texts["phases"]
    for name in ("winner_map", "latency"):
        gain = f"up to 1.20× as fast as {ENGINES}"
        assert f"in 2 of 4 cases each; {gain}" in texts[name]
    for name in ("phases", "winner_map", "latency", "speedup_layer"):
        assert "the baseline" not in texts[name], name


def test_on_cores_and_without_that_form_they_are_over_the_baseline(charts) -> None:
    text = charts(sweep(GAINS))["speedup_output"]
    assert f"{ENGINE} is faster than {MPI} in 8 of 8 cases; up to 1.60×" in text


def test_the_reference_has_a_look_of_its_own() -> None:
    assert ENGINE in STYLES

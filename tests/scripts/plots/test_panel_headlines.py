"""Headlines of several panels: what they share, and what they depend on."""

import itertools

from chart_rows import BASELINE, NATIVE, sweep, timed


def test_panels_that_differ_keep_their_own_captions(text_of) -> None:
    rows = sweep({BASELINE: (1, 1), NATIVE: (1.2, 1.5)}, loads=["balanced"])
    rows += sweep({BASELINE: (1, 1), NATIVE: (0.5, 0.7)}, loads=["hot"])
    text = text_of("speedup_output", rows)
    title = "The output step: any gain depends on load; up to 1.50×"
    assert f"{title} ({NATIVE}, 1024 tokens, balanced) device" in text
    assert f"balanced {NATIVE} wins the output step at every size: 1.50× at 1024 " in text
    assert "hot No strategy beats the baseline in the output step " in text


def test_panels_with_other_winners_share_one_short_sentence(charts) -> None:
    slices = {BASELINE: (1, 1), "all_reduce_slice": (1.3, 1.4), NATIVE: (1.1, 1.2)}
    texts = charts(sweep(loads=["balanced"]) + sweep(slices, loads=["hot"]))
    speedup, latency = texts["speedup_output"], texts["latency"]
    title = "The output step: the winner depends on load and batch size; up to 1.81×"
    assert f"{title} ({NATIVE}, 1024 tokens, balanced) device" in speedup
    caption = f"{NATIVE} wins the output step from 64 tokens: 1.81× at 1024"
    assert f"{caption}, all_reduce_slice at 16 tokens only" in speedup
    assert "hot all_reduce_slice wins the output step at every size: 1.40×" in speedup
    title = "Which strategy has the fastest output step at 1024 tokens depends on load"
    assert f"{title}: 475 µs to 614 µs device" in latency
    assert f"balanced {NATIVE} has the fastest output step at 1024 tokens: 475 µs" in latency


def test_the_largest_gain_need_not_be_the_leaders(text_of) -> None:
    rows = sweep({BASELINE: (1, 1), NATIVE: (1.2, 1.3)}, loads=["balanced"])
    rows.append(timed("all_reduce_slice", 16, "balanced", 2.0))
    rows += sweep({BASELINE: (1, 1), NATIVE: (0.5, 0.7)}, loads=["hot"])
    text = text_of("speedup_output", rows)
    assert "up to 2.00× (all_reduce_slice, 16 tokens, balanced)" in text


def test_panels_tied_at_the_top_have_no_winner_in_the_title(text_of) -> None:
    gains = {BASELINE: (1, 1), NATIVE: (1.3, 1.81), "all_reduce_slice": (1.3, 1.80)}
    other = {BASELINE: (1, 1), "all_reduce_slice": (1.3, 1.81), NATIVE: (1.3, 1.80)}
    text = text_of("speedup_output", sweep(gains, loads=["balanced"]) + sweep(other, loads=["hot"]))
    assert "The output step: the leader depends on load" in text and " wins " not in text


def test_no_resolved_gain_in_any_panel(charts) -> None:
    rows = sweep({BASELINE: (1, 1), NATIVE: (1.01, 1.01)}, loads=["balanced"])
    rows += sweep({BASELINE: (1, 1), NATIVE: (0.5, 0.7)}, loads=["hot"])
    texts = charts(rows)
    assert "No resolved gain in the output step device" in texts["speedup_output"]
    title = "Which strategy has the fastest output step at 1024 tokens depends on load"
    assert f"{title}, not resolved in some" in texts["latency"]


def test_the_title_names_what_the_winner_depends_on(text_of) -> None:
    slices = {BASELINE: (1, 1), "all_reduce_slice": (1.3, 1.4)}
    natives = {BASELINE: (1, 1), NATIVE: (1.3, 1.4)}
    one = [sweep(slices, model="a"), sweep(natives, model="b")]
    text = text_of("speedup_output", itertools.chain(*one))
    assert "The output step: the winner depends on setting; up to 1.40×" in text
    both = [sweep(slices, model="a"), sweep(natives, model="b", loads=["balanced"]),
            sweep(slices, model="b", loads=["hot"])]
    text = text_of("speedup_output", itertools.chain(*both))
    assert "The output step: the winner depends on load and setting; up to 1.40×" in text


def test_panels_that_agree_share_a_headline_with_a_range(text_of) -> None:
    rows = sweep({BASELINE: (1, 1), NATIVE: (1.2, 1.5)}, loads=["balanced"])
    rows += sweep({BASELINE: (1, 1), NATIVE: (1.2, 1.7)}, loads=["hot"])
    text = text_of("speedup_output", rows)
    assert f"{NATIVE} wins the output step at every size: 1.50× to 1.70× (balanced, hot)" in text
    assert "at every size: 1.70× at 1024" in text

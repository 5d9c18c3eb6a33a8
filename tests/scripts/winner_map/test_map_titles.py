"""Titles and legends of winner maps."""

from charts.winners import winner_counts, winners_text
from map_rows import BASELINE, NATIVE, SLICE, case, figure_texts, stuck, sweep, the_cells

MPI = "MPI's all-reduce + dp_scatter"


def title_of(one) -> str:
    return winners_text(the_cells(one), MPI)


def test_the_title_counts_what_is_resolved(map_of) -> None:
    rows = case(16, {NATIVE: 1.5}) + case(64, {NATIVE: 1.81}) + case(256, {NATIVE: 1.01})
    rows += case(16, {SLICE: 1.2}, load="hot") + case(64, {SLICE: 0.8}, load="hot")
    rows += [stuck(BASELINE, 256, "no luck", load="hot")]
    one = map_of(rows)
    text = f"{NATIVE} has the fastest output step in 2 of 5 cases; up to 1.81× as fast as {MPI}"
    assert title_of(one) == text and text in " ".join(figure_texts(one))


def test_the_title_without_a_winner_and_with_the_baseline_as_winner(map_of) -> None:
    near = [row for load in ("balanced", "hot") for tokens in (16, 64)
            for row in case(tokens, {NATIVE: 1.01}, load=load)]
    none = "Not resolved: no strategy has the fastest output step in any of 4 cases"
    assert title_of(map_of(near)) == none
    slow = [row for load in ("balanced", "hot") for tokens in (16, 64)
            for row in case(tokens, {NATIVE: 0.99 if load == "hot" else 0.5}, load=load)]
    assert title_of(map_of(slow)) == f"{BASELINE} has the fastest output step in 2 of 4 cases"


def test_the_title_of_equals_and_of_ties(map_of) -> None:
    equals = case(16, {SLICE: 1.5}) + case(64, {NATIVE: 1.5}) + case(16, {NATIVE: 0.5}, load="hot")
    equals += case(64, {NATIVE: 0.5}, load="hot") + case(256, {SLICE: 1.6})
    assert title_of(map_of(equals)) == (
        f"{BASELINE} and {SLICE} have the fastest output step in 2 of 5 cases each; up to 1.60×"
        f" as fast as {MPI}")
    ties = [row for load in ("balanced", "hot") for tokens in (16, 64)
            for row in case(tokens, {NATIVE: 1.5, SLICE: 1.49}, load=load)]
    assert title_of(map_of(ties)) == (
        f"{NATIVE} has the fastest output step in 4 of 4 cases, perhaps tied in 4; up to 1.50×"
        f" as fast as {MPI}")


def test_the_title_adds_up_the_settings_and_the_caption_keeps_the_claim(map_of) -> None:
    one = map_of(sweep("dp", [2, 8]) + sweep("dp", [2, 8], load="hot"))
    text = " ".join(figure_texts(one))
    assert f"{NATIVE} has the fastest output step in 8 of 8 cases" in text
    assert "one shared memory: not an interconnect's numbers" in text


def test_functional_maps_claim_nothing(map_of) -> None:
    text = " ".join(figure_texts(map_of(sweep("load", ["balanced", "hot"], claim="functional"))))
    assert "times say nothing about speed" in text and "has the fastest" not in text


def test_the_legend_lists_who_occurs_in_the_order_of_the_looks(map_of) -> None:
    rows = case(16, {"z_new": 1.5}) + case(64, {NATIVE: 1.5})
    rows += case(16, {SLICE: 1.5}, load="hot") + case(64, {"a_new": 1.5, NATIVE: 1.2}, load="hot")
    one = map_of(rows)
    counts = winner_counts(the_cells(one))
    assert list(counts.items()) == [(SLICE, 1), (NATIVE, 1), ("a_new", 1), ("z_new", 1)]
    legend = [text for text in figure_texts(one) if text.endswith(" 1") and "_" in text]
    assert legend == [f"{name} 1" for name in (SLICE, NATIVE, "a_new", "z_new")]

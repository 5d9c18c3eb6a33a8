"""Titles and legends of winner maps."""

from charts.winners import winner_counts, winners_text
from map_rows import BASELINE, NATIVE, SLICE, case, figure_texts, stuck, sweep, the_cells


def test_the_title_counts_what_is_resolved(map_of) -> None:
    rows = case(16, {NATIVE: 1.5}) + case(64, {NATIVE: 1.81}) + case(256, {NATIVE: 1.01})
    rows += case(16, {SLICE: 1.2}, load="hot") + case(64, {SLICE: 0.8}, load="hot")
    rows += [stuck(BASELINE, 256, "no luck", load="hot")]
    one = map_of(rows)
    text = winners_text(next(iter(one.cells.values())))
    assert text == f"{NATIVE} wins the output step in 2 of 5 cells, more than any other"
    drawn = " ".join(figure_texts(one))
    assert text in drawn and "not resolved in 1 of 5 cells" in drawn


def test_the_title_without_a_winner_and_with_the_baseline_as_winner(map_of) -> None:
    text = winners_text(the_cells(map_of(
        [row for load in ("balanced", "hot") for tokens in (16, 64)
         for row in case(tokens, {NATIVE: 1.01}, load=load)]
    )).reset_index())
    assert text == "Not resolved: no strategy wins the output step in any of 4 cells"
    text = winners_text(the_cells(map_of(
        [row for load in ("balanced", "hot") for tokens in (16, 64)
         for row in case(tokens, {NATIVE: 0.99 if load == "hot" else 0.5}, load=load)]
    )).reset_index())
    assert text == "The baseline wins the output step in 2 of 4 cells, more than any other"


def test_the_title_of_equals_and_of_ties(map_of) -> None:
    equals = case(16, {SLICE: 1.5}) + case(64, {NATIVE: 1.5}) + case(16, {NATIVE: 0.5}, load="hot")
    equals += case(64, {NATIVE: 0.5}, load="hot") + case(256, {SLICE: 1.5})
    text = winners_text(the_cells(map_of(equals)).reset_index())
    assert text == f"The baseline and {SLICE} win the output step in 2 of 5 cells each"
    ties = [row for load in ("balanced", "hot") for tokens in (16, 64)
            for row in case(tokens, {NATIVE: 1.5, SLICE: 1.49}, load=load)]
    one = map_of(ties)
    assert winners_text(the_cells(one).reset_index()) == (
        f"{NATIVE} leads the output step in all 4 cells")
    assert "perhaps tied in 4 of 4 cells" in figure_texts(one)


def test_the_title_adds_up_the_panels_and_keeps_the_claim(map_of) -> None:
    one = map_of(sweep("dp", [2, 8]) + sweep("dp", [2, 8], load="hot"))
    text = " ".join(figure_texts(one))
    assert f"{NATIVE} wins the output step in all 8 cells" in text
    assert text.count("in all 4 cells") == 2
    assert "one shared memory: not an interconnect's numbers" in text


def test_functional_maps_claim_nothing(map_of) -> None:
    text = " ".join(figure_texts(map_of(sweep("load", ["balanced", "hot"], claim="functional"))))
    assert "times say nothing about speed" in text and " wins " not in text


def test_the_legend_lists_who_occurs_in_the_order_of_the_looks(map_of) -> None:
    rows = case(16, {"z_new": 1.5}) + case(64, {NATIVE: 1.5})
    rows += case(16, {SLICE: 1.5}, load="hot") + case(64, {"a_new": 1.5, NATIVE: 1.2}, load="hot")
    one = map_of(rows)
    counts = winner_counts(next(iter(one.cells.values())))
    assert list(counts.items()) == [(SLICE, 1), (NATIVE, 1), ("a_new", 1), ("z_new", 1)]
    legend = [text for text in figure_texts(one) if text.endswith(" 1") and "_" in text]
    assert legend == [f"{name} 1" for name in (SLICE, NATIVE, "a_new", "z_new")]

"""Tests of scripts/agreement.py: which intervals overlap, worked by hand."""


import agreement
import pytest
from synthetic import (
    BASELINE, CHAINED, NATIVE, ONE_BY_ONE, SLICE, timed, write_rows)


def write_set(folder, native, slice_=(1.1,) * 7, **changes):
    """Seven launches by their speed-ups; six and more have the interval [lowest, highest]."""
    rows = [timed(combine, 100, launch, folder.name, speedup_output=speedup, **changes)
            for combine, speedups in ((BASELINE, (1,) * 7), (NATIVE, native), (SLICE, slice_))
            for launch, speedup in enumerate(speedups, 1)]
    write_rows(folder, rows)
    return str(folder)


def test_cells_agree_where_their_intervals_meet(tmp_path, capsys):
    a = write_set(tmp_path / "a", [1.30, 1.32, 1.31, 1.33, 1.35, 1.30, 1.34])
    b = write_set(tmp_path / "b", [1.35, 1.36, 1.38, 1.37, 1.39, 1.36, 1.37])
    assert agreement.main([a, b]) == 0
    assert capsys.readouterr().out == (
        "2 of 2 cells (100 %) have overlapping intervals of speedup_output, over 7 and 7 launches\n")


def test_cells_that_do_not_are_named(tmp_path, capsys):
    a = write_set(tmp_path / "a", [1.30, 1.32, 1.31, 1.33, 1.35, 1.30, 1.34])
    b = write_set(tmp_path / "b", [1.36, 1.36, 1.38, 1.37, 1.39, 1.36, 1.37])
    assert agreement.main([a, b]) == 0
    first, *apart = capsys.readouterr().out.splitlines()
    assert first.startswith("1 of 2 cells (50 %)")
    assert apart == [f"  {NATIVE}, custom H 2048 balanced, 64 tokens: 1.320 [1.300, 1.350] and"
                     " 1.370 [1.360, 1.390]"]


def test_cells_of_one_set_only_and_the_baseline_do_not_count(tmp_path, capsys):
    a = write_set(tmp_path / "a", (1.3,) * 7)
    b = write_set(tmp_path / "b", (1.3,) * 7, slice_=())
    assert agreement.main([a, b]) == 0
    assert capsys.readouterr().out.startswith("1 of 1 cells")


@pytest.mark.parametrize("changes", [{"load": "hot"}, {"obstacle": "none"}])
def test_sets_without_a_common_cell_are_refused(changes, tmp_path, capsys):
    a = write_set(tmp_path / "a", (1.3,) * 7)
    b = write_set(tmp_path / "b", (1.3,) * 7, **changes)
    assert agreement.main([a, b]) == 2
    said = capsys.readouterr().err
    assert said == "agreement.py: no cell has an interval of its speed-up in both sets\n"


def test_graphs_one_by_one_and_chained_are_not_compared(tmp_path, capsys):
    note = "2 cells of A are in B in mode chained only, which is another time"
    a = write_set(tmp_path / "a", (1.3,) * 7, **ONE_BY_ONE)
    b = write_set(tmp_path / "b", (1.9,) * 7, **CHAINED)
    assert agreement.main([a, b]) == 2
    assert capsys.readouterr().err == (
        f"agreement.py: no cell has an interval of its speed-up in both sets; {note}\n")
    write_set(tmp_path / "a", (1.5,) * 7)
    write_set(tmp_path / "b", (1.6,) * 7)
    assert agreement.main([a, b]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("1 of 2 cells (50 %)")
    assert rest == [note, f"  {NATIVE}, custom H 2048 balanced, 64 tokens: 1.500 [1.500, 1.500] and"
                          " 1.600 [1.600, 1.600]"]


def test_cells_of_several_modes_are_named_with_theirs(tmp_path, capsys):
    for name, chained in (("a", 1.3), ("b", 1.9)):
        write_set(tmp_path / name, (1.3,) * 7)
        write_set(tmp_path / name, (chained,) * 7, **CHAINED)
    assert agreement.main([str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    first, line = capsys.readouterr().out.splitlines()
    assert first.startswith("3 of 4 cells (75 %)")
    assert line.startswith(f"  {NATIVE}, custom H 2048 balanced chained, 64 tokens: 1.300 ")


def test_no_such_file_is_one_line(tmp_path, capsys):
    assert agreement.main([str(tmp_path / "a"), str(tmp_path / "b")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1

"""Input that scripts/plot.py cannot use: one line, status 2."""

from pathlib import Path

import moe_results
import plot
import pytest
from chart_rows import sweep
from results_csv import HEADER, write_csv


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
    error = one_line(capsys, file, "--out", out, "--format", "png,pdf")
    assert "unknown format 'pdf', known: png, svg, html" in error
    assert "--out" in one_line(capsys, file)
    assert "results" in one_line(capsys, "--out", out)
    assert "cannot write" in one_line(capsys, file, "--out", file)
    assert not out.exists()

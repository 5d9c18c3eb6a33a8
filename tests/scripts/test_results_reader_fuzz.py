"""Whatever bytes a file holds, scripts/moe_results.py reads them or says in one line why not."""

import csv
import io
import math
import re
import tempfile
from pathlib import Path

import moe_results
from hypothesis import example, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]

VALID = min(ROOT.glob("results/*/*/results.csv")).read_bytes().splitlines(keepends=True)
HEADER, ROWS = VALID[0], VALID[1:5]
WHOLE = b"".join([HEADER, *ROWS])
COLUMNS = HEADER.decode().strip().split(",")

# The same examples in every run, and nothing remembered in the tree.
PROPERTY = settings(derandomize=True, database=None, deadline=None, max_examples=300)


def check(content: bytes) -> None:
    """The property. Any exception but the reader's own is a finding."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(content)
        file.flush()
        try:
            rows = moe_results.read_results([file.name])
        except moe_results.ResultsError as error:
            assert re.fullmatch(r"[^\x00-\x1f\x7f]+", str(error)), repr(str(error))
            return
    for row in rows:
        assert not any(math.isinf(row[name]) for name in moe_results.NUMBERS)
        assert moe_results.why_no_time(row) != ""
    joined = moe_results.join_launches(rows)
    assert sum(row["launch_count"] for row in joined) == len(rows)


def cut_and_insert(content: bytes, start: float, length: int, inserted: bytes) -> bytes:
    """`length` bytes from a place on, given as a share of the whole, become others."""
    at = int(start * len(content))
    return content[:at] + inserted + content[at + length :]


def with_cell(column: str, cell: str) -> bytes:
    """A valid file but for one cell, which may need quotes."""
    rows = list(csv.DictReader(io.StringIO(WHOLE.decode(), newline="")))
    rows[1][column] = cell
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


# What tends to matter to a reader of CSV: quotes, ends of lines, NUL, what is no UTF-8.
PIECES = st.sampled_from(
    [b'"', b'""', b",", b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf"]
)
NUMBERS = st.sampled_from(["nan", "inf", "-inf", "1e999", "-0", "1_0", " 1", "٣", "0x1", "1e-400"])
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@PROPERTY
@given(st.binary(max_size=400))
@example(b"")
@example(b"\n")
@example(b"\xef\xbb\xbf" + WHOLE)
def test_any_bytes(content: bytes) -> None:
    check(content)


@PROPERTY
@given(st.binary(max_size=400))
@example(b"\n\n")
@example(b'"')
def test_any_bytes_after_a_good_header(content: bytes) -> None:
    check(HEADER + content)


@PROPERTY
@given(st.floats(0, 1), st.integers(0, 60), st.one_of(PIECES, st.binary(max_size=8)))
def test_a_good_file_with_a_piece_changed(start: float, length: int, inserted: bytes) -> None:
    check(cut_and_insert(WHOLE, start, length, inserted))


@PROPERTY
@given(st.lists(st.sampled_from(VALID), max_size=8), st.floats(0, 1))
def test_lines_of_a_good_file_in_any_order_and_cut(lines: list[bytes], end: float) -> None:
    content = b"".join([HEADER, *lines])
    check(content[: int(end * len(content))])


@PROPERTY
@given(st.sampled_from(COLUMNS), st.one_of(NUMBERS, TEXT))
@example("obstacle", "no\nluck")
@example("claim", "two\nlines")
def test_any_text_in_any_cell(column: str, cell: str) -> None:
    check(with_cell(column, cell))

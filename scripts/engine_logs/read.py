"""Reads logs as engines and log rotation leave them."""

import gzip
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

from moe_results import ResultsError

COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # that loggers give to terminals


def read_lines(paths: Sequence[Path]) -> list[str]:
    """The lines of all logs, without colours. A ResultsError for a .gz that is none."""
    return [COLOURS.sub("", line) for path in paths for line in _read_text(path).splitlines()]


def _read_text(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise ResultsError(f"{path}: no whole gzip file") from None
    return data.decode("utf-8", errors="replace")

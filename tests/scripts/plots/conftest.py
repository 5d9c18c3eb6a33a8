"""Charts drawn through the command line."""

from collections.abc import Iterable
from pathlib import Path

import plot
import pytest
from chart_rows import Row
from charts import CHARTS
from drawn import figure_text
from matplotlib.figure import Figure
from results_csv import write_csv


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


@pytest.fixture
def text_of(charts, monkeypatch: pytest.MonkeyPatch):
    """Draws one chart by its name, of rows that make one figure; answers its texts."""

    def text(name: str, rows: Iterable[Row]) -> str:
        monkeypatch.setattr(plot, "CHARTS", [chart for chart in CHARTS if chart.name == name])
        monkeypatch.setattr(plot, "make_maps", lambda _: [])
        return charts(rows)[name]

    return text

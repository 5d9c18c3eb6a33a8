"""One strategy over several cases: where it is faster than what engines run, and where slower."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from charts.format import count_text, listed, ratio_text
from crossovers.crossing import crossings_of
from crossovers.series import LOSES, WINS, Point, verdict_of
from html_report.cells import Cell, by_panel
from reference import engine_paths
from setting_names import load_order

DETERMINISTIC = "-deterministic"
MOST_CROSSINGS = 3  # In a sentence; more are left to the table.


@dataclass(frozen=True)
class Tally:
    combine: str
    cells: list[Cell]

    @property
    def wins(self) -> list[Cell]:
        return self._with(WINS)

    @property
    def loses(self) -> list[Cell]:
        return self._with(LOSES)

    def _with(self, verdict: str) -> list[Cell]:
        return [cell for cell in self.cells if verdict_of(cell.over_engine) == verdict]

    @property
    def gain(self) -> float:
        """The mean speed-up where it is faster."""
        return sum(speedups_of(self.wins)) / len(self.wins)

    @property
    def engine_paths(self) -> list[str]:
        return sorted({path for cell in self.cells for path in engine_paths(cell.over_engine)})

    @property
    def name(self) -> str:
        """With how an engine runs it, where one does."""
        paths = " and ".join(map(path_text, self.engine_paths))
        return f"{self.combine} ({paths})" if paths else self.combine

    @property
    def text(self) -> str:
        return f"{self.name}: {self._counts()}.{self._passing()}"

    def _counts(self) -> str:
        faster, slower = self.wins, self.loses
        left = len(self.cells) - len(faster) - len(slower)
        parts = []
        if faster:
            parts.append(f"faster in {len(faster)} ({range_of(faster)})")
        if slower:
            parts.append(f"slower in {len(slower)} ({range_of(slower)})")
        if left:
            parts.append(f"not resolved in {left}")
        return f"of {count_text(len(self.cells), 'case')} {listed(parts)}"

    def _passing(self) -> str:
        """Between which sizes it becomes faster than the reference or slower, at which loads."""
        loads: dict[str, list[str]] = {}
        for cells in by_panel(self.cells).values():
            for crossing in crossings_of([Point.of(cell.over_engine) for cell in cells]):
                verb = "faster" if crossing.above.verdict == WINS else "slower"
                sizes = f"{crossing.below.tokens} and {crossing.above.tokens} tokens"
                where = f"becomes {verb} between {sizes}"
                loads.setdefault(where, []).append(str(cells[0].over_engine["load"]))
        if not loads or len(loads) > MOST_CROSSINGS:
            return ""
        parts = [f"{where} ({', '.join(sorted(set(those), key=load_order))})"
                 for where, those in loads.items()]
        return f" It {listed(parts)}."


def tallies_of(cells: Iterable[Cell]) -> list[Tally]:
    """Of all strategies but the reference."""
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        if not cell.is_reference:
            found.setdefault(cell.combine, []).append(cell)
    return [Tally(combine, part) for combine, part in found.items()]


def path_text(path: str) -> str:
    """The column engine_path in words: ENGINE is its default, ENGINE:FORM what a flag makes it."""
    engine, _, form = path.partition(":")
    if form:
        return f"{engine} with --boundary-reduction {form}"
    name = engine.removesuffix(DETERMINISTIC)
    return f"{name}'s {'default' if name == engine else 'deterministic mode'}"


def speedups_of(cells: Iterable[Cell]) -> list[float]:
    return [cell.over_engine["speedup_output"] for cell in cells]


def range_of(cells: Sequence[Cell]) -> str:
    ratios = speedups_of(cells)
    return " to ".join(dict.fromkeys(map(ratio_text, (min(ratios), max(ratios)))))

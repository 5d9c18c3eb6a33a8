"""What results have in the place of a prediction."""

import math
import re
from collections.abc import Iterable

from moe_results import AGAINST, ResultsError, Row, join_launches
from predictions.tables import AHEAD, CHOICE, RATIO, SPEEDUP, Place, Prediction
from reference import ENGINE_FORM, is_timed

# What the tables are of, but for the number of ranks, each of which is a DP rank.
SETTING = {
    "claim": "interconnect", "hidden": "4096", "dtype": "bf16", "experts": "64", "top_k": "10",
    "graph": "on", "skew_us": "0", "beside": "none", "epilogue": "none",
}
# Forms that are a quotient of two strategies' exchanges.
QUOTIENTS = {
    "grouped over one reduce_scatter": ("reduce_scatterv_grouped", "reduce_scatter_padded"),
}
WITH_CTAS = re.compile(r"(.*), (\d+) CTAs$")
CHOSEN_BY = re.compile(r"what (.*) chooses$")

Key = tuple[int, str, str, str, int]  # ranks, load, strategy, CTAs, tokens


class Measured:
    """Medians over launches. Speed-ups of the rows are over what engines run."""

    def __init__(self, rows: Iterable[Row]):
        self._rows: dict[Key, Row] = {}
        for row in join_launches(row for row in rows if is_timed(row) and _is_of_tables(row)):
            key = (int(row["ranks"]), str(row["load"]), str(row["combine"]), str(row["sms"]),
                   int(row["tokens"]))
            if key in self._rows:
                raise ResultsError(
                    f"{row['combine']} on {row['ranks']} ranks, {row['load']}, {row['tokens']:g} tokens"
                    " was measured with several settings; name the results of one")
            self._rows[key] = row

    def of(self, prediction: Prediction) -> float | str | None:
        """None where it was not measured."""
        place = prediction.place
        if prediction.kind == RATIO:
            return _known(self._quotient(place))
        row = self._row(place, place.form)
        if row is None:
            return None
        if prediction.kind == CHOICE:
            return str(row["variant"])
        if prediction.kind not in (SPEEDUP, AHEAD):
            return _known(row["combine_us_median"])
        speedup = _known(row["speedup_output"] if row[AGAINST] == ENGINE_FORM else math.nan)
        if speedup is None or prediction.kind == SPEEDUP:
            return speedup
        return "ahead" if speedup > 1 else "behind"

    def _row(self, place: Place, form: str) -> Row | None:
        if chosen := CHOSEN_BY.match(form):
            form = chosen[1]
        with_ctas = WITH_CTAS.match(form)
        combine, ctas = with_ctas.groups() if with_ctas else (form, "default")
        return self._rows.get((place.ranks, place.load, combine, ctas, place.tokens))

    def _quotient(self, place: Place) -> float:
        rows = [self._row(place, combine) for combine in QUOTIENTS.get(place.form, ())]
        if not rows or None in rows:
            return math.nan
        over, under = (row["combine_us_median"] for row in rows)
        return over / under


def _is_of_tables(row: Row) -> bool:
    return row["dp"] == row["ranks"] and all(row[name] == value for name, value in SETTING.items())


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value

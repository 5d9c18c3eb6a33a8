"""The axis of a map that is not the tokens: which one, and where rows stand on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from charts.pages import setting_label, telling_columns
from charts.texts import load_order, natural
from moe_results import SETTINGS

ALL_LOADS = "all loads"
# They follow from dp and ep, and a case that cannot run has none.
DERIVED = ("attn_tp", "moe_tp")


@dataclass(frozen=True)
class SecondAxis:
    name: str
    columns: tuple[str, ...]

    @property
    def others(self) -> list[str]:
        """The settings that this axis does not show: panels differ in them."""
        return [name for name in SETTINGS if name not in (*self.columns, *DERIVED)]


AXES = (
    SecondAxis("hidden", ("hidden",)),
    SecondAxis("topology", ("dp", "ep")),
    SecondAxis("load", ("load",)),
    SecondAxis("routing", ("routing",)),
    SecondAxis("padding and phase", ("padding", "phase")),
    SecondAxis("layers", ("layers",)),
    SecondAxis("model", (
        "model", "hidden", "experts", "top_k", "intermediate", "shared_intermediate",
        "scale_experts", "scoring", "shared_gate",
    )),
    SecondAxis("dtype", ("dtype",)),
    SecondAxis("gather", ("gather",)),
)


def second_axis(rows: pd.DataFrame) -> SecondAxis | None:
    """The first axis that varies while everything else stays the same; None where none does over
    two token counts or more. Hidden sizes of two models are therefore no axis, the models are."""
    for axis in AXES:
        rest = [name for name in (*axis.others, "load") if name not in axis.columns]
        for _, part in rows.groupby(rest):
            if part["tokens"].nunique() > 1 and len(part[list(axis.columns)].drop_duplicates()) > 1:
                return axis
    return None


def placed(rows: pd.DataFrame, axis: SecondAxis) -> tuple[pd.DataFrame, str, list[str]]:
    """The rows with a column `place` on the axis, the axis' title, and all places in order."""
    telling = telling_columns(rows, axis.columns)
    keys = list(rows[telling].itertuples(index=False, name=None))
    order = load_order if "load" in axis.columns else natural
    every = sorted(set(keys), key=lambda key: [order(value) for value in key])
    texts = {key: place_text(telling, key) for key in every}
    rows = rows.assign(place=[texts[key] for key in keys])
    if "load" in axis.columns:
        rows = rows.assign(load=ALL_LOADS)
    title = telling[0] if len(telling) == 1 else axis.name
    return rows, title.replace("_", " "), list(texts.values())


def place_text(columns: Sequence[str], values: Sequence[str]) -> str:
    if len(columns) == 1:  # The title of the axis says of what.
        return values[0] or "none"
    return setting_label(columns, values)

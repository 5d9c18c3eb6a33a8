"""The axis of a map that is not the tokens: which one, and where rows stand on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from charts.figures import telling_columns
from moe_results import SETTINGS
from setting_names import load_order, natural, setting_label

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


AXES = [SecondAxis(name, columns) for name, columns in {
    "hidden": ("hidden",), "topology": ("dp", "ep"), "load": ("load",), "routing": ("routing",),
    "padding and phase": ("padding", "phase"), "layers": ("layers",),
    "model": ("model", "hidden", "experts", "top_k", "intermediate", "shared_intermediate",
              "scale_experts", "scoring", "shared_gate"),
    "dtype": ("dtype",), "gather": ("gather",), "skew": ("skew_us",), "SMs": ("sms",),
    "beside": ("beside",),
}.items()]


def second_axis(rows: pd.DataFrame) -> SecondAxis | None:
    """The first axis that varies while everything else stays the same, the token count too; None
    where none does over two token counts or more. Hidden sizes of two models are therefore no axis,
    the models are; nor are mixed loads, each with its own number of tokens."""
    for axis in AXES:
        rest = [name for name in (*axis.others, "load") if name not in axis.columns]
        for _, part in rows.groupby(rest):
            cells = part[[*axis.columns, "tokens"]].drop_duplicates()
            if cells["tokens"].nunique() > 1 and cells["tokens"].duplicated().any():
                return axis
    return None


@dataclass(frozen=True)
class Places:
    """Where rows stand on a second axis. texts: what stands there, by the values of columns, which
    are those that vary; in order."""

    axis: SecondAxis
    columns: list[str]
    texts: dict[tuple[str, ...], str]

    @property
    def title(self) -> str:
        return self.columns[0] if len(self.columns) == 1 else self.axis.name

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with a column `place`."""
        rows = rows.assign(place=[self.texts[key] for key in keys_of(rows, self.columns)])
        return rows.assign(load=ALL_LOADS) if "load" in self.axis.columns else rows


def places_on(axis: SecondAxis, rows: pd.DataFrame) -> Places:
    columns = telling_columns(rows, axis.columns)
    order = load_order if "load" in axis.columns else natural
    keys = sorted(set(keys_of(rows, columns)), key=lambda key: list(map(order, key)))
    one = len(columns) == 1  # Then the title of the axis says of what.
    texts = {key: (key[0] or "none") if one else setting_label(columns, key) for key in keys}
    return Places(axis, columns, texts)


def keys_of(rows: pd.DataFrame, columns: Sequence[str]) -> list[tuple[str, ...]]:
    return list(rows[list(columns)].itertuples(index=False, name=None))

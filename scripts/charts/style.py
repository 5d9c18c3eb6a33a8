"""The style of charts: colours, strategies, phases, and matplotlib's parameters."""

import zlib
from dataclasses import dataclass

# Fixed salt, text as text and no date: the same rows give the same bytes, so that committed charts
# change only with their data. A results file may hold a "$", which is no formula.
RC_PARAMS = {
    "svg.hashsalt": "bench_moe_comm",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "text.hinting": "no_hinting",  # Else a line drawn is up to 5 % wider than it was measured.
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "font.size": 8.5,
}
METADATA = {"png": {"Software": None}, "svg": {"Date": None}}

INK, MUTED, WARNING = "#222222", "#666666", "#B03A00"

# Okabe and Ito's colours without their yellow, which is lost on white; the sky blue and the orange
# are a little darker than theirs for the same reason.
BLACK, ORANGE, SKY, GREEN = "#000000", "#DB8E00", "#45A2DA", "#009E73"
BLUE, RED, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#7F7F7F"


@dataclass(frozen=True)
class Style:
    colour: str
    line: str
    marker: str
    fill: str  # Of an area, where no line style can tell two strategies apart.


# One style for one strategy, whichever others are in the chart. Warm colours: rooted reduces and
# padded forms; green and blue: one-sided and native ones; black and grey: the all_reduce family.
# The fills are as far apart as sixteen could be made, also without red or green receptors.
STYLES = {
    "all_reduce_dp_scatter": Style(BLACK, "-", "o", "#3C3C3C"),
    "all_reduce_slice": Style(GREY, "-", "s", "#BFBCA4"),
    "all_reduce_engine_dp_scatter": Style(BLACK, ":", "D", "#000000"),
    "all_reduce_peer_dp_scatter": Style(GREY, "--", "v", "#F7F7B8"),
    "all_reduce_push_dp_scatter": Style(BLACK, "--", "^", "#602808"),
    "reduce_scatterv_grouped": Style(RED, "-", "s", "#AA5109"),
    "reduce_scatterv_collapse": Style(RED, "--", "D", "#CDAC61"),
    "reduce_scatter_padded": Style(ORANGE, "-", "P", "#D5A508"),
    "reduce_scatter_symmetric": Style(ORANGE, "--", "X", "#F7F778"),
    "reduce_scatterv_alltoallv": Style(PURPLE, "-", "^", "#B17BA2"),
    "reduce_scatterv_two_level": Style(PURPLE, "--", "h", "#391555"),
    "reduce_scatterv_native": Style(BLUE, "-", "D", "#086CB5"),
    "reduce_scatterv_auto": Style(BLUE, ":", "*", "#0A219D"),
    "reduce_scatterv_peer": Style(GREEN, "-", "v", "#088556"),
    "reduce_scatterv_push": Style(GREEN, "--", "<", "#8DF5F7"),
    "reduce_scatterv_fused": Style(SKY, "-", "p", "#6DC5F7"),
}

# (colour, fill) for strategies that are not in the table.
NEWER = ((ORANGE, "#E58F78"), (PURPLE, "#E9B7D6"), (GREEN, "#7C8A2E"), (SKY, "#2F8C9E"))

# Communication in warm colours, computation in blues, waiting in grey.
PHASES = {
    "gather_us_median": ("gather", "#F2C36B"),
    "route_us_median": ("route", "#DCE9F5"),
    "permute_us_median": ("permute", "#B3D1EA"),
    "experts_us_median": ("experts", "#5B9BD0"),
    "shared_us_median": ("shared expert", "#1F6FB0"),
    "local_combine_us_median": ("local combine", "#0B3C68"),
    "combine_us_median": ("combine", RED),
    "wait_us_median": ("wait for late ranks", "#BDBDBD"),
}


def style_of(strategy: str) -> Style:
    """A strategy newer than the table gets a style from its name alone, so that is fixed too."""
    if strategy in STYLES:
        return STYLES[strategy]
    number = zlib.crc32(strategy.encode())
    colour, fill = NEWER[number % len(NEWER)]
    return Style(colour, "-.", ">H8d"[number // 4 % 4], fill)


def style_order(strategy: str) -> tuple[int, str]:
    return (list(STYLES).index(strategy) if strategy in STYLES else len(STYLES), strategy)

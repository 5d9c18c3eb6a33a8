"""How the charts look: colours, the look of each strategy and phase, matplotlib's style."""

import zlib
from dataclasses import dataclass

# Fixed salt, text as text and no date: the same rows give the same bytes, so that committed charts
# change only with their data. A results file may hold a "$", which is no formula.
STYLE = {
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
class Look:
    colour: str
    line: str
    marker: str
    fill: str  # Of an area, where no line style can tell two strategies apart.


# One look for one strategy, whichever others are in the chart. Warm colours: rooted reduces and
# padded forms; green and blue: one-sided and native ones; black and grey: the all_reduce family.
# The fills are as far apart as fifteen could be made, also without red or green receptors.
LOOKS = {
    "all_reduce_dp_scatter": Look(BLACK, "-", "o", "#3C3C3C"),
    "all_reduce_slice": Look(GREY, "-", "s", "#BFBCA4"),
    "all_reduce_peer_dp_scatter": Look(GREY, "--", "v", "#F7F7B8"),
    "all_reduce_push_dp_scatter": Look(BLACK, "--", "^", "#602808"),
    "reduce_scatterv_grouped": Look(RED, "-", "s", "#AA5109"),
    "reduce_scatterv_collapse": Look(RED, "--", "D", "#CDAC61"),
    "reduce_scatter_padded": Look(ORANGE, "-", "P", "#D5A508"),
    "reduce_scatter_symmetric": Look(ORANGE, "--", "X", "#F7F778"),
    "reduce_scatterv_alltoallv": Look(PURPLE, "-", "^", "#B17BA2"),
    "reduce_scatterv_two_level": Look(PURPLE, "--", "h", "#391555"),
    "reduce_scatterv_native": Look(BLUE, "-", "D", "#086CB5"),
    "reduce_scatterv_auto": Look(BLUE, ":", "*", "#0A219D"),
    "reduce_scatterv_peer": Look(GREEN, "-", "v", "#088556"),
    "reduce_scatterv_push": Look(GREEN, "--", "<", "#8DF5F7"),
    "reduce_scatterv_fused": Look(SKY, "-", "p", "#6DC5F7"),
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


def look_of(strategy: str) -> Look:
    """A strategy newer than the table gets a look from its name alone, so that is fixed too."""
    if strategy in LOOKS:
        return LOOKS[strategy]
    number = zlib.crc32(strategy.encode())
    colour, fill = NEWER[number % len(NEWER)]
    return Look(colour, "-.", ">H8d"[number // 4 % 4], fill)


def looks_order(strategy: str) -> tuple[int, str]:
    return (list(LOOKS).index(strategy) if strategy in LOOKS else len(LOOKS), strategy)

"""How the charts look: colours, the look of each strategy and phase, matplotlib's style."""

import zlib
from dataclasses import dataclass

# Fixed salt, text as text and no date: the same rows give the same bytes, so that committed charts
# change only with their data. A results file may hold a "$", which is no formula.
STYLE = {
    "svg.hashsalt": "bench_moe_comm",
    "svg.fonttype": "none",
    "text.parse_math": False,
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


# One look for one strategy, whichever others are in the chart. Warm colours: rooted reduces and
# padded forms; green and blue: one-sided and native ones; black and grey: the all_reduce family.
LOOKS = {
    "all_reduce_dp_scatter": Look(BLACK, "-", "o"),
    "all_reduce_slice": Look(GREY, "-", "s"),
    "all_reduce_peer_dp_scatter": Look(GREY, "--", "v"),
    "all_reduce_push_dp_scatter": Look(BLACK, "--", "^"),
    "reduce_scatterv_grouped": Look(RED, "-", "s"),
    "reduce_scatterv_collapse": Look(RED, "--", "D"),
    "reduce_scatter_padded": Look(ORANGE, "-", "P"),
    "reduce_scatter_symmetric": Look(ORANGE, "--", "X"),
    "reduce_scatterv_alltoallv": Look(PURPLE, "-", "^"),
    "reduce_scatterv_two_level": Look(PURPLE, "--", "h"),
    "reduce_scatterv_native": Look(BLUE, "-", "D"),
    "reduce_scatterv_auto": Look(BLUE, ":", "*"),
    "reduce_scatterv_peer": Look(GREEN, "-", "v"),
    "reduce_scatterv_push": Look(GREEN, "--", "<"),
    "reduce_scatterv_fused": Look(SKY, "-", "p"),
}

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
    return Look((ORANGE, PURPLE, GREEN, SKY)[number % 4], "-.", ">H8d"[number // 4 % 4])


def looks_order(strategy: str) -> tuple[int, str]:
    return (list(LOOKS).index(strategy) if strategy in LOOKS else len(LOOKS), strategy)

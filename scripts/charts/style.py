"""The style of charts: colours, strategies, phases, and matplotlib's parameters."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib.colors import to_hex, to_rgb
from matplotlib.lines import Line2D

# Fixed salt, text as text and no date: the same rows give the same bytes, so that committed charts
# change only with their data. A results file may hold a "$", which is no formula.
RC_PARAMS = {
    "svg.hashsalt": "bench_moe_comm",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.ymargin": 0.08,
    "figure.titleweight": "bold",
    "figure.titlesize": 13,
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "legend.fontsize": 11,
    "legend.frameon": False,
    "grid.color": "#E4E4E4",
    "hatch.linewidth": 0.6,
}
METADATA = {"png": {"Software": None}, "svg": {"Date": None}}

INK, MUTED, WARNING = "#222222", "#666666", "#B03A00"

# Okabe and Ito's colours without their yellow, which is lost on white; the sky blue and the orange
# are a little darker than theirs for the same reason.
BLACK, ORANGE, SKY, GREEN = "#000000", "#DB8E00", "#45A2DA", "#009E73"
BLUE, RED, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#7F7F7F"
# How much of its colour an area keeps, by the line of the strategy: the rest is white.
SHARE = {"-": 1.0, ":": 0.75, "--": 0.5, "-.": 0.3}


@dataclass(frozen=True)
class Style:
    colour: str
    line: str
    marker: str

    @property
    def fill(self) -> str:
        """The colour of an area: lighter where the line is broken, which an area cannot show."""
        return paler(self.colour, SHARE[self.line])


# One style for one strategy, whichever others are in the chart. Warm colours: rooted reduces and
# padded forms; green and blue: one-sided and native ones; black and grey: the all_reduce family.
# No two share both line and marker, so that grey paper tells them apart too.
STYLES = {
    "all_reduce_dp_scatter": Style(BLACK, "-", "o"),
    "all_reduce_slice": Style(GREY, "-.", "s"),
    "all_reduce_engine_dp_scatter": Style(BLACK, ":", "D"),
    "all_reduce_peer_dp_scatter": Style(GREY, "--", "v"),
    "all_reduce_push_dp_scatter": Style(BLACK, "--", ">"),
    "reduce_scatterv_grouped": Style(RED, "-", "s"),
    "reduce_scatterv_collapse": Style(RED, "--", "D"),
    "reduce_scatter_padded": Style(ORANGE, "-", "P"),
    "reduce_scatter_symmetric": Style(ORANGE, "--", "X"),
    "reduce_scatterv_alltoallv": Style(PURPLE, "-", "^"),
    "reduce_scatterv_two_level": Style(PURPLE, "--", "h"),
    "reduce_scatterv_native": Style(BLUE, "-", "D"),
    "reduce_scatterv_auto": Style(BLUE, ":", "*"),
    "reduce_scatterv_peer": Style(GREEN, "-", "v"),
    "reduce_scatterv_push": Style(GREEN, "--", "<"),
    "reduce_scatterv_fused": Style(SKY, "-", "p"),
}
NEWER = (ORANGE, PURPLE, GREEN, SKY)  # Colours of strategies that are not in the table.

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
    return Style(NEWER[number % len(NEWER)], "-.", ">H8d"[number // 4 % 4])


def style_order(strategy: str) -> tuple[int, str]:
    return (list(STYLES).index(strategy) if strategy in STYLES else len(STYLES), strategy)


def line_handles(strategies: Iterable[str]) -> list[Line2D]:
    """Entries of a legend of lines."""
    styles = {name: style_of(name) for name in sorted(strategies, key=style_order)}
    return [Line2D([], [], color=style.colour, linestyle=style.line, marker=style.marker,
                   label=name) for name, style in styles.items()]


def paler(colour: str, share: float) -> str:
    """The colour with white, of which it is this share."""
    return to_hex([1 - share * (1 - part) for part in to_rgb(colour)])


def ink_on(colour: str) -> str:
    """What can be read on an area of this colour."""
    return "white" if sum(to_rgb(colour)) < 1.3 else INK

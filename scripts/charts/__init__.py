"""The charts of results sets of bench_moe_comm; CHARTS are all but the winner map."""

from charts.bandwidth import BandwidthChart
from charts.latency import LatencyChart
from charts.phases import PhaseChart
from charts.speedup import SpeedupChart

CHARTS = (
    SpeedupChart("speedup_output", "the output step"),
    SpeedupChart("speedup_layer", "the whole layer"),
    PhaseChart(),
    LatencyChart(),
    BandwidthChart(),
)

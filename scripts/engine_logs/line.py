"""What one line of an engine's log says of one rank's part of a step."""

from typing import NamedTuple


class Line(NamedTuple):
    rank: int | None  # DP rank; None where the line does not say
    iteration: int | None
    prefill_tokens: int
    decode_count: int  # tokens, or requests where `requests`
    requests: bool = False
    speculative: bool = False
    in_graph: bool | None = None  # None: unknown
    us: float | None = None  # of the step, all layers

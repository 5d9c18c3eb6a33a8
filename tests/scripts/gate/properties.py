"""How properties are tried: the same examples each time."""

from hypothesis import settings

PROPERTY = settings(derandomize=True, database=None, deadline=None, max_examples=60)

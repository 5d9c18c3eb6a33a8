"""The regression gate: which cells of two results sets differ, and how sure that is."""

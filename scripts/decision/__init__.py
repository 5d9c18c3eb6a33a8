"""Prices the values of an engine's flag for a deployment's own steps (decide.sh, verdict.py)."""

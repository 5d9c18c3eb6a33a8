"""Predictions in the tables of a document, and what was measured in their place."""

"""Experiment trackers, a file each, found by entry points (`genocc.runs.tracking` says what one is)."""

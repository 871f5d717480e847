"""Targets: what a graph is turned into; one file each."""

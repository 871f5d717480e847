"""Targets that a graph is compiled to, one file each; diagrams, reports and benchmarks in rooms of their own."""

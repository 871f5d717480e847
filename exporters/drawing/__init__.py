"""Diagrams of genotypes, and films of how a search's cells evolve: parts, Graphviz's layout of them, and files.

A diagram is made of vertices and arrows (`diagram`), of which Graphviz makes a picture (`rendering`) or a geometry
(`layout`) that every frame of an evolution shares.
"""

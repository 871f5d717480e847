"""The pictures of a finished run that trackers get."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from genocc.exporters.drawing import film, graphviz
from genocc.exporters.drawing.rendering import render
from genocc.genotype import Genotype
from genocc.runs.reading import RUN_GENOTYPE, SEARCH


def pictures(path: Path, command: str) -> Mapping[str, bytes]:
    """Returns name -> PNG: ``cells``, the diagram of the genotype, and of a search ``coefficients``, in its cells.

    Args:
        path: The run folder.
        command: ``search`` or ``train``.

    Raises:
        GenoccError: ``dot`` is missing or fails, or a file of the run is broken.
    """
    diagram = graphviz.genotype_diagram(Genotype.load(path / RUN_GENOTYPE))
    found = {"cells": render(diagram, ".png")}
    if command == SEARCH:
        found["coefficients"] = film.last_frame(path)
    return found

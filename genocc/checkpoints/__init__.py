"""Checkpoints of other programs: read as data alone, and renamed to the graph's origins.

To add a family of programs, write its `Layout` in a file of its own and add it to ``LAYOUTS``.
"""

from genocc.checkpoints.darts import DartsLayout
from genocc.checkpoints.layout import ImportedWeights, Layout, import_weights

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (DartsLayout(),)}
"""All layouts by name."""

__all__ = ["LAYOUTS", "ImportedWeights", "Layout", "import_weights"]

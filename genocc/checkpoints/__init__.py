"""The names that other programs give to the tensors of a net, whose checkpoints `genocc.nn.checkpoints` reads.

To add a family of programs, write its `Layout` in a file of its own and add it to ``LAYOUTS``.
"""

from genocc.checkpoints.darts import DartsLayout
from genocc.checkpoints.layout import Layout

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (DartsLayout(),)}
"""All layouts by name."""

__all__ = ["LAYOUTS", "Layout"]

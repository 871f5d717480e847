"""Origins: the names of values, which say where in a net each of them is computed.

An origin is a place and the value's name there, joined by dots. This module alone writes and reads them:

    image                                 the input
    stem.conv, stem0.bn1                  `Section`: a stem
    cells.3.pre0.conv                     `Preprocessing` of input 0, the older one, of cell 3
    cells.3.nodes.1.sep_conv_3x3.0.dw1    `Edge`: number 0 of those into node 1, and what its recipe calls the value
    cells.3.nodes.1.add                   `Node`: the sum of its edges
    cells.3.concat                        `Cell`: its output
    cells.5.conv1                         `Cell` whose place a block that is no cell has (`genocc.network`)
    auxiliary.conv1, head.mean            `Section`: a head
    classifier.linear                     `Section`: the logits

A pass adds names below a value's own (``cells.3.concat.part0``), and a tensor is named by its value and role
(``cells.3.pre0.conv.weight``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

IMAGE = "image"
STEM, STEM0, STEM1 = STEMS = ("stem", "stem0", "stem1")
HEAD = "head"
CLASSIFIER = "classifier"
AUXILIARY = "auxiliary"
"""Of the auxiliary head, which the training net alone has."""

LINEAR = "linear"
"""Name of the last layer in the classifier and in the auxiliary head."""

LOGITS = f"{CLASSIFIER}.{LINEAR}"
DROP_PATH = "drop_path"
"""Name of the drop path on an edge."""


@dataclass(frozen=True)
class Section:
    """A part of the net around the cells: the image, a stem, a head."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Cell:
    """A cell, by position; its own value is its output, all others belong to a place within it.

    A block that stands in a cell's place has no places within: all of its values are its own.
    """

    cell: int

    def __str__(self) -> str:
        return f"cells.{self.cell}"


@dataclass(frozen=True)
class Preprocessing:
    """Preprocessing of a cell's input to the cell's channels: input 0 is the output of cell k-2, 1 that of cell k-1."""

    cell: int
    index: int

    def __str__(self) -> str:
        return f"cells.{self.cell}.pre{self.index}"


@dataclass(frozen=True)
class Node:
    """An intermediate node of a cell, counted from 0; its own value is the sum of its edges."""

    cell: int
    node: int

    def __str__(self) -> str:
        return f"cells.{self.cell}.nodes.{self.node}"


@dataclass(frozen=True)
class Edge:
    """An edge: the operation, and its position among the edges into the node."""

    cell: int
    node: int
    op: str
    position: int

    def __str__(self) -> str:
        return f"cells.{self.cell}.nodes.{self.node}.{self.op}.{self.position}"


Place = Section | Cell | Preprocessing | Node | Edge
"""A place of a net; its text is the origin of a module and the prefix of its values' names."""


class Origin(NamedTuple):
    """A parsed name: the innermost place, and the value's name there ("" for the place itself)."""

    place: Place
    what: str


def parse(name: str) -> Origin:
    """Parses the name of a value, a tensor or a place; any other text counts as a section named by its first part."""
    place = _place(name.split("."))
    return Origin(place, name[len(str(place)) + 1 :])


def drop_path(edge: Edge) -> str:
    """Returns the name of an edge's value behind its drop path."""
    return f"{edge}.{DROP_PATH}"


def role(tensor: str) -> str:
    """Returns the role of a tensor: ``weight`` for ``stem.conv.weight``."""
    return tensor.rpartition(".")[2]


def below(name: str, origin: str) -> str:
    """Returns a name relative to an origin, or the name itself if it does not lie below the origin."""
    return name.removeprefix(f"{origin}.")


def path(name: str) -> list[str]:
    """Returns the parts of a name: the names of nested modules, from the outermost."""
    return name.split(".")


def is_auxiliary(name: str) -> bool:
    """Whether a value or tensor is the auxiliary head's."""
    return parse(name).place == Section(AUXILIARY)


def _place(parts: list[str]) -> Place:
    match parts:
        case ["cells", cell, "nodes", node, op, position, *_] if _are_numbers(cell, node, position):
            return Edge(int(cell), int(node), op, int(position))
        case ["cells", cell, "nodes", node, *_] if _are_numbers(cell, node):
            return Node(int(cell), int(node))
        case ["cells", cell, pre, *_] if pre.startswith("pre") and _are_numbers(cell, pre[3:]):
            return Preprocessing(int(cell), int(pre[3:]))
        case ["cells", cell, *_] if _are_numbers(cell):
            return Cell(int(cell))
    return Section(parts[0])


def _are_numbers(*texts: str) -> bool:
    """Whether texts are numbers as this module writes them: no sign, no leading zero, at most nine digits."""
    return all(text.isascii() and text.isdecimal() and len(text) < 10 and str(int(text)) == text for text in texts)

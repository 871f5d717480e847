"""Diagrams read back: DOT source and SVG, as the tests look at them."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from collections import Counter

import pytest

from genocc import Cell, Edge, Genotype
from genocc.operations import OPERATIONS

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's `dot` is not installed")
SVG = "{http://www.w3.org/2000/svg}"
DRAWN = [name for name in OPERATIONS if name != "none"]


def one(cell: Cell, name: str = "one") -> Genotype:
    return Genotype(name=name, cells={"normal": cell})


def chain(*ops: str, inputs: int = 2) -> Cell:
    """A cell with one node that all operations reach from the first input."""
    return Cell(inputs=inputs, nodes=(tuple(Edge(op=op, source=0) for op in ops),), concat=(inputs,))


class Drawing:
    """DOT source, read back: nodes with their attributes, and arrows between them."""

    def __init__(self, source: str) -> None:
        self.nodes: dict[str, dict[str, str]] = {}
        self.arrows: list[tuple[str, str, dict[str, str]]] = []
        name = r'"?([\w.]+)"?(?::\w)?'
        for line in source.splitlines():
            if match := re.fullmatch(rf"\s*{name} -> {name} \[(.*)\]", line):
                self.arrows.append((match[1], match[2], attributes(match[3])))
            elif (match := re.fullmatch(rf"\s*{name} \[(.*)\]", line)) and match[1] not in ("node", "edge", "graph"):
                self.nodes[match[1]] = attributes(match[2])

    def edges(self, kind: str) -> Counter[tuple[int, int, str]]:
        """(source, target, label) of every box that an arrow enters and another leaves."""
        into = {head: tail for tail, head, _ in self.arrows}
        return Counter(
            (state(into[box]), state(head), self.nodes[box]["label"])
            for box, head, _ in self.arrows
            if ".nodes." in box and box.startswith(f"{kind}.")
        )

    def concat(self, kind: str) -> list[int]:
        return [state(tail) for tail, head, _ in self.arrows if head == f"{kind}.output"]


def attributes(text: str) -> dict[str, str]:
    pattern = r'(\w+)=("(?:[^"\\]|\\.)*"|<<.*>>|[^\s"]+)'
    return {key: value.strip('"') for key, value in re.findall(pattern, text)}


def state(name: str) -> int:
    return int(name.rsplit(".", 1)[1])


def texts(svg: bytes) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def titles(svg: bytes, kind: str) -> dict[str, str]:
    """Name -> tooltip of the groups of a class (node, edge, cluster)."""
    groups = ET.fromstring(svg).iter(f"{SVG}g")
    return {group.get("id", ""): group.findtext(f"{SVG}title", "") for group in groups if group.get("class") == kind}


def linear(color: str) -> list[float]:
    """Linear red, green and blue of an sRGB colour, #rrggbb."""
    values = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]


def luminance(color: str) -> float:
    red, green, blue = linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(color: str, background: str = "#ffffff") -> float:
    """WCAG 2 contrast with a background."""
    darker, lighter = sorted((luminance(color), luminance(background)))
    return (lighter + 0.05) / (darker + 0.05)

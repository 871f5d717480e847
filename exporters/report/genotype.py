"""The genotype of a report: its diagram in the page's colours, and the costs of each edge."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

from genocc.counting import Counts
from genocc.errors import TargetError
from genocc.genotype import Genotype
from genocc.operations import get
from genocc.results.run_data import RunData
from genocc.runs.reading import TRAIN

from ..drawing.diagram import FILLS, Role, readable, readable_on_dark
from ..drawing.graphviz import genotype_diagram, state_name
from ..drawing.rendering import render

_SVG = "http://www.w3.org/2000/svg"
_PAGE = {"white": "var(--card)", "black": "var(--ink)", "#222222": "var(--ink)", "#444444": "var(--muted)"}
"""Colour of diagrams -> the page's, besides those of vertices and operations."""


def genotype_part(run: RunData) -> dict[str, Any]:
    """Returns title, note, drawing and rows of the genotype; raises TargetError if it cannot be drawn."""
    genotype, counts = run.genotype, run.counts
    assert genotype is not None, "only runs with a genotype have this part"
    return {
        "title": "Genotype" if run.finished or run.command == TRAIN else "Genotype so far",
        "note": _note(run, counts),
        "svg": _drawing(genotype, counts),
        "rows": _rows(genotype, counts) if counts else [],
    }


def _note(run: RunData, counts: Counts | None) -> str:
    if counts is None:
        return f"No counts: {run.no_counts}."
    net = counts.config
    height, width = net.input_size
    return (
        f"Costs of an edge are sums over all cells of its kind in the net (skeleton {net.skeleton}, C={net.channels}, "
        f"L={net.layers}, {height}x{width}, {net.classes} classes), whose MACs are {counts.total.macs:,}."
    )


def _rows(genotype: Genotype, counts: Counts) -> list[dict[str, str]]:
    rows = []
    total = max(counts.total.macs, 1)
    for (kind, number, weight), row in zip(_edges(genotype), counts.by_edge, strict=True):
        cell = genotype.cells[kind]
        source, target = (_short(state_name(cell, state)) for state in (row.source, row.target))
        rows.append(
            {
                "id": f"{kind}.{number}",
                "cell": kind,
                "edge": f"{source} → {target}",
                "op": row.op,
                "weight": "–" if weight is None else f"{weight:.3f}",
                "macs": f"{row.cost.macs:,}",
                "part": f"{row.cost.macs / total:.4f}",
                "share": f"{row.cost.macs / total:.1%}",
                "parameters": f"{row.cost.parameters:,}",
            }
        )
    return rows


def _edges(genotype: Genotype) -> list[tuple[str, int, float | None]]:
    """Each edge by its kind of cell and its number in it, in the order of the counts."""
    return [
        (kind, number, edge.weight)
        for kind, cell in genotype.cells.items()
        for number, (_, _, edge) in enumerate(cell.edges())
    ]


def _short(name: str) -> str:
    """The page's spelling of ``c_{k-2}``."""
    return re.sub(r"c_\{k-(\d+)\}", r"k−\1", name)


def _drawing(genotype: Genotype, counts: Counts | None) -> Any:
    """The diagram as an element of the page: with its colours and tooltips, without ids, edges in the tab order."""
    from markupsafe import Markup

    diagram = genotype_diagram(genotype.model_copy(update={"name": " "}), counts=counts)
    try:
        image = render(diagram, ".svg")
    except TargetError as error:
        raise TargetError(f"a report has a diagram of the cells: {error}") from None
    root = ET.fromstring(image)  # noqa: S314 (written by `dot`, without entities)
    names = {
        f"{kind}.nodes.{state - cell.inputs}.{edge.op}.{position}": f"{kind}.{number}"
        for kind, cell in genotype.cells.items()
        for number, (state, position, edge) in enumerate(cell.edges())
    }
    root.set("style", f"--width: {root.attrib.pop('width').removesuffix('pt')}")
    root.attrib.pop("height")
    for text in [child for child in root if child.tag in (f"{{{_SVG}}}title", f"{{{_SVG}}}desc")]:
        root.remove(text)
    root.attrib |= {"role": "group", "aria-label": diagram.description}
    root.attrib.pop("aria-labelledby", None)
    colors = _colors(genotype)
    for part in root.iter():
        name = part.attrib.pop("id", "")
        edge = names.get(re.sub(r"\.(tail|head)$", "", name))
        if edge:
            _make_edge(part, edge, focusable=name in names)
        elif part.get("class") != "graph":
            part.attrib.pop("class", None)
        _recolor(part, colors)
    root_graph = root.find(f"{{{_SVG}}}g")
    if root_graph is not None:  # the white page behind it
        for page in [child for child in root_graph if child.tag == f"{{{_SVG}}}polygon"]:
            root_graph.remove(page)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 (ElementTree escapes)


def _make_edge(part: ET.Element, edge: str, *, focusable: bool) -> None:
    title = part.find(f"{{{_SVG}}}title")
    text = title.text or "" if title is not None else ""
    if title is not None:
        part.remove(title)
    part.attrib |= {"class": "part", "data-edge": edge, "data-tip": text.replace(", ", "\n")}
    if focusable:
        part.attrib |= {"tabindex": "0", "role": "img", "aria-label": text}
    else:
        part.set("aria-hidden", "true")


def _colors(genotype: Genotype) -> dict[str, str]:
    fills = {FILLS[role]: f"var(--{role.value})" for role in Role}
    operations = {edge.op for cell in genotype.cells.values() for _, _, edge in cell.edges()}
    found: dict[str, str] = {}
    for color in {get(name).color for name in operations}:
        themed = f"light-dark({readable(color)}, {readable_on_dark(color)})"
        found |= {color.lower(): themed, readable(color): themed}
    return {**_PAGE, **fills, **found}


def _recolor(part: ET.Element, colors: dict[str, str]) -> None:
    styles = []
    for name in ("fill", "stroke"):
        value = part.get(name, "black" if name == "fill" and part.tag == f"{{{_SVG}}}text" else "")
        if value.lower() in colors:
            part.attrib.pop(name, None)
            styles.append(f"{name}: {colors[value.lower()]}")
    if styles:
        part.set("style", "; ".join(styles))

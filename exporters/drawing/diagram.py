"""The parts of a diagram of cells and how they look: vertices and arrows become DOT.

Every arrow has a box with its name in the middle, so that parallel arrows stay apart and no label lies on another
arrow. The parts (`Vertex`, `Arrow`) know nothing of where Graphviz puts them, and their names are stable: a layout can
be computed once for a union of diagrams and its positions given to each of them.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import graphviz

FONT = "Helvetica,Arial,sans-serif"
TITLE_WIDTH = 72
CROWDED = 1_000
"""Extent above which Graphviz gets fewer rounds: seconds instead of minutes."""


class Role(Enum):
    """The three kinds of vertex."""

    INPUT = "input"
    NODE = "node"
    OUTPUT = "output"


class Tone(Enum):
    """How much a vertex matters to the picture; each differs in its outline too, for black and white."""

    PLAIN = "plain"
    FAINT = "faint"
    ZERO = "zero"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True)
class Vertex:
    """A state of a cell, or the cell's output, as it is drawn.

    Attributes:
        name: Unique in the panel.
        role: Input, node or output.
        label: A number, or for inputs and outputs the index of c: ``k-2``.
        tooltip: Shown on hover, and read by screen readers.
        tone: Its outline and fill.
    """

    name: str
    role: Role
    label: str
    tooltip: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True)
class Arrow:
    """An edge of a cell as it is drawn, with its name in a box on the way unless ``label`` is empty.

    Attributes:
        name: Unique in the panel.
        tail: Name of the vertex where it starts.
        head: Name of the vertex where it ends.
        label: The text in the box.
        tooltip: Shown on hover, and read by screen readers.
        color: #rrggbb of the stroke; the text is darkened until it is readable.
        dash: solid, dashed, dotted or bold.
        arrowhead: Graphviz name of the arrowhead.
        width: In points; a bold arrow is twice as wide.
    """

    name: str
    tail: str
    head: str
    label: str
    tooltip: str
    color: str = "#444444"
    dash: str = "solid"
    arrowhead: str = "normal"
    width: float = 1.6


@dataclass(frozen=True)
class Panel:
    """One cell: its vertices in order, its arrows, and a heading. ``name`` is unique in the diagram."""

    name: str
    heading: str
    vertices: tuple[Vertex, ...]
    arrows: tuple[Arrow, ...]

    @property
    def extent(self) -> int:
        """Number of places that Graphviz arranges: a vertex takes one, an arrow one for each rank that it spans."""
        places = {vertex.name: place for place, vertex in enumerate(self.vertices)}
        ranks = dict.fromkeys(places, 0)
        for arrow in sorted(self.arrows, key=lambda arrow: places[arrow.tail]):
            if places[arrow.tail] < places[arrow.head]:  # the union of two cells may have a circle
                rank = ranks[arrow.tail] + (2 if arrow.label else 1)  # a box with a name is a rank of its own
                ranks[arrow.head] = max(ranks[arrow.head], rank)
        return len(ranks) + sum(abs(ranks[arrow.head] - ranks[arrow.tail]) for arrow in self.arrows)


@dataclass(frozen=True)
class Diagram:
    """Panels under each other. ``title`` may have several lines; ``description`` is its text for screen readers."""

    title: str
    description: str
    panels: tuple[Panel, ...]

    @property
    def extent(self) -> int:
        """That of the panels together."""
        return sum(panel.extent for panel in self.panels)

    def dot(self) -> str:
        """Returns the DOT source."""
        lines = [part for line in self.title.splitlines() for part in textwrap.wrap(line, TITLE_WIDTH) or [""]]
        graph = graphviz.Digraph("cells")
        graph.attr(
            rankdir="LR", nodesep="0.11", ranksep="0.32", margin="0", fontname=FONT, fontsize="15", labelloc="t",
            label=graphviz.nohtml("\\n".join(map(literal, lines))),
            remincross="false",  # a second round would ignore the order of the inputs
        )  # fmt: skip
        if self.extent > CROWDED:
            graph.attr(mclimit="0.3", nslimit="0.5", nslimit1="0.5")
        graph.attr("node", fontname=FONT, fontsize="13", color="#222222", penwidth="1", fixedsize="true")
        graph.attr("edge", arrowsize="0.7", weight="10")
        for panel in reversed(self.panels):  # from left to right, Graphviz stacks from the bottom
            _write_panel(graph, panel)
        return str(graph.source)


def literal(text: str) -> str:
    """Returns text that Graphviz shows as it is: no escapes, no entities, no markup."""
    escaped: str = graphviz.escape(text.replace("&", "&amp;"))
    return escaped


def readable(color: str) -> str:
    """Returns the colour, darkened until text in it has a contrast of 4.5:1 on white (WCAG 2, level AA)."""
    channels = _channels(color)
    while 1.05 / (_luminance(channels) + 0.05) < 4.5:
        channels = [int(channel * 0.97) for channel in channels]
    return _hex(channels)


def readable_on_dark(color: str) -> str:
    """Returns the colour, lightened until text in it has a contrast of at least 4.5:1 on #1c1e22.

    What is lighter on white stays lighter, so that two shades of one colour remain two.
    """
    channels, dark = _channels(color), _luminance(_channels("#1c1e22"))
    wanted = min(4.5 + 12 * _luminance(channels), 9.0)
    while (_luminance(channels) + 0.05) / (dark + 0.05) < wanted:
        channels = [255 - int((255 - channel) * 0.97) for channel in channels]
    return _hex(channels)


FILLS = {Role.INPUT: "#d7ecd9", Role.NODE: "#dbe7f5", Role.OUTPUT: "#f6e3c5"}
_TONES: dict[Tone, dict[str, str]] = {
    Tone.PLAIN: {},
    Tone.FAINT: {"style": "dashed", "color": "#a0a0a0", "fontcolor": "#767676", "fillcolor": "white"},
    Tone.ZERO: {"style": "dotted", "fontcolor": "#767676", "fillcolor": "white", "penwidth": "1.5"},
    Tone.ADDED: {"style": "bold", "color": "#0060a8", "penwidth": "2.5"},
    Tone.REMOVED: {"style": "dashed", "color": "#b03a00", "penwidth": "1.5", "fillcolor": "white"},
}


def _write_panel(graph: graphviz.Digraph, panel: Panel) -> None:
    arriving = Counter(arrow.head for arrow in panel.arrows)
    leaving = Counter(arrow.tail for arrow in panel.arrows)
    with graph.subgraph(name=f"cluster_{panel.name}") as cluster:
        cluster.attr(label=literal(panel.heading), tooltip=literal(panel.heading), id=panel.name)
        cluster.attr(penwidth="0", labeljust="l", fontsize="13", margin="6")
        for vertices in _ranks(panel):
            with cluster.subgraph() as rank:
                if vertices[0].role is not Role.NODE:
                    rank.attr(rank="same" if vertices[0].role is Role.INPUT else "max")
                for vertex in vertices:
                    _write_vertex(rank, panel, vertex, max(arriving[vertex.name], leaving[vertex.name]))
                if vertices[0].role is Role.INPUT:
                    for upper, lower in pairwise(vertices):
                        ends = (f"{panel.name}.{lower.name}", f"{panel.name}.{upper.name}")
                        rank.edge(*ends, style="invis", weight="1")  # keeps them in order, top to bottom
        for arrow in panel.arrows:
            _write_arrow(cluster, panel, arrow)


def _ranks(panel: Panel) -> Iterator[list[Vertex]]:
    for role in Role:
        if vertices := [vertex for vertex in panel.vertices if vertex.role is role]:
            yield vertices


def _write_vertex(graph: graphviz.Digraph, panel: Panel, vertex: Vertex, arrows: int) -> None:
    """A vertex grows with its arrows, so that they do not all meet in one point."""
    look = {"fillcolor": FILLS[vertex.role], **_TONES[vertex.tone]}
    rounded = vertex.role is Role.INPUT
    if vertex.role is Role.NODE:
        wide, tall = len(vertex.label) > 2, arrows > 5
        label, rounded = literal(vertex.label), wide or tall
        width, height = 0.4 + 0.07 * len(vertex.label) if wide else 0.42, 0.13 * arrows if tall else 0.42
    else:
        label, width = _indexed_c(vertex.label), 0.6 if rounded else 0.42
        height = max(0.42, (0.1 if rounded else 0.22) * arrows)
    shape = "circle" if vertex.role is Role.NODE and not rounded else "box"
    styles = ["filled", *(["rounded"] if rounded else []), *([look.pop("style")] if "style" in look else [])]
    name = f"{panel.name}.{vertex.name}"
    graph.node(
        name, label=label, id=name, tooltip=literal(vertex.tooltip), shape=shape, width=f"{width:.2f}",
        height=f"{height:.2f}", style=",".join(styles), **look,
    )  # fmt: skip


def _write_arrow(graph: graphviz.Digraph, panel: Panel, arrow: Arrow) -> None:
    name = f"{panel.name}.{arrow.name}"
    tail, head = f"{panel.name}.{arrow.tail}", f"{panel.name}.{arrow.head}"
    bold = arrow.dash == "bold"
    pen = {
        "color": arrow.color, "style": "solid" if bold else arrow.dash, "tooltip": literal(arrow.tooltip),
        "penwidth": f"{arrow.width * (2 if bold else 1):.3g}",
    }  # fmt: skip
    if not arrow.label:
        graph.edge(tail, head, id=name, arrowhead=arrow.arrowhead, **pen)
        return
    graph.node(
        name, label=graphviz.nohtml(literal(arrow.label)), id=name, tooltip=pen["tooltip"], shape="box",
        style="filled,rounded", fillcolor="white", color=arrow.color, fontcolor=readable(arrow.color), fontsize="10.5",
        fixedsize="false", width="0", height="0", margin="0.05,0.025",
    )  # fmt: skip
    graph.edge(tail, f"{name}:w", id=f"{name}.tail", arrowhead="none", **pen)
    graph.edge(f"{name}:e", head, id=f"{name}.head", arrowhead=arrow.arrowhead, **pen | {"weight": "20"})


def _indexed_c(index: str) -> str:
    """An HTML-like label: c with an index under the line. Built from our own numbers only, never from names."""
    return (
        '<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>'
        '<TD HEIGHT="19" VALIGN="TOP"><I>c</I></TD>'
        f'<TD VALIGN="BOTTOM"><FONT POINT-SIZE="10"><I>{index.replace("-", "−")}</I></FONT></TD></TR></TABLE>>'
    )


def _channels(color: str) -> list[int]:
    return [int(color[at : at + 2], 16) for at in (1, 3, 5)]


def _hex(channels: list[int]) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def _luminance(channels: list[int]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in channels)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

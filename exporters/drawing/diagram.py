"""What a diagram of cells consists of, and how it looks: states and lines become DOT.

Every line has a box with its name in the middle, so that parallel lines stay apart and no label lies on another line.
What is drawn (`State`, `Line`) is apart from where it ends up (Graphviz): names are stable, so that a layout can be
computed once for a union of diagrams and its positions given to each of them.
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
CROWDED = 400
"""Lines from which Graphviz gets fewer rounds: 1,024 lines then take seconds instead of minutes."""


class Shape(Enum):
    """The three kinds of state."""

    INPUT = "input"
    NODE = "node"
    OUTPUT = "output"


class Tone(Enum):
    """How much a state matters to the picture; each differs in its outline too, for black and white."""

    PLAIN = "plain"
    FAINT = "faint"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True)
class State:
    """A state of a cell, or the cell's output.

    Attributes:
        name: Unique in the panel.
        shape: Input, node or output.
        label: A number, or for inputs and outputs the index of c: ``k-2``.
        tooltip: Shown on hover, and read by screen readers.
        tone: Its outline and fill.
    """

    name: str
    shape: Shape
    label: str
    tooltip: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True)
class Line:
    """An arrow between two states, with its name in a box on the way unless ``label`` is empty.

    Attributes:
        name: Unique in the panel.
        tail: Name of the state where it starts.
        head: Name of the state where it ends.
        label: The text in the box.
        tooltip: Shown on hover, and read by screen readers.
        color: #rrggbb of the line; the text is darkened until it is readable.
        dash: solid, dashed, dotted or bold.
        arrow: Graphviz name of the arrowhead.
        width: In points; bold lines are twice as wide.
    """

    name: str
    tail: str
    head: str
    label: str
    tooltip: str
    color: str = "#444444"
    dash: str = "solid"
    arrow: str = "normal"
    width: float = 1.6


@dataclass(frozen=True)
class Panel:
    """One cell: its states in order, its lines, and a heading. ``name`` is unique in the diagram."""

    name: str
    heading: str
    states: tuple[State, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Diagram:
    """Panels under each other. ``title`` may have several lines; ``description`` is its text for screen readers."""

    title: str
    description: str
    panels: tuple[Panel, ...]

    def dot(self) -> str:
        """Returns the DOT source."""
        lines = [part for line in self.title.splitlines() for part in textwrap.wrap(line, TITLE_WIDTH) or [""]]
        graph = graphviz.Digraph("cells")
        graph.attr(
            rankdir="LR", nodesep="0.11", ranksep="0.32", margin="0", fontname=FONT, fontsize="15", labelloc="t",
            label=graphviz.nohtml("\\n".join(map(literal, lines))),
            remincross="false",  # a second round would ignore the order of the inputs
        )  # fmt: skip
        if sum(len(panel.lines) for panel in self.panels) > CROWDED:
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


FILLS = {Shape.INPUT: "#d7ecd9", Shape.NODE: "#dbe7f5", Shape.OUTPUT: "#f6e3c5"}
_TONES: dict[Tone, dict[str, str]] = {
    Tone.PLAIN: {},
    Tone.FAINT: {"style": "dashed", "color": "#a0a0a0", "fontcolor": "#767676", "fillcolor": "white"},
    Tone.ADDED: {"style": "bold", "color": "#0060a8", "penwidth": "2.5"},
    Tone.REMOVED: {"style": "dashed", "color": "#b03a00", "penwidth": "1.5", "fillcolor": "white"},
}


def _write_panel(graph: graphviz.Digraph, panel: Panel) -> None:
    arriving = Counter(line.head for line in panel.lines)
    leaving = Counter(line.tail for line in panel.lines)
    with graph.subgraph(name=f"cluster_{panel.name}") as cluster:
        cluster.attr(label=literal(panel.heading), tooltip=literal(panel.heading), id=panel.name)
        cluster.attr(penwidth="0", labeljust="l", fontsize="13", margin="6")
        for states in _ranks(panel):
            with cluster.subgraph() as rank:
                if states[0].shape is not Shape.NODE:
                    rank.attr(rank="same" if states[0].shape is Shape.INPUT else "max")
                for state in states:
                    _write_state(rank, panel, state, max(arriving[state.name], leaving[state.name]))
                if states[0].shape is Shape.INPUT:
                    for upper, lower in pairwise(states):
                        ends = (f"{panel.name}.{lower.name}", f"{panel.name}.{upper.name}")
                        rank.edge(*ends, style="invis", weight="1")  # keeps them in order, top to bottom
        for line in panel.lines:
            _write_line(cluster, panel, line)


def _ranks(panel: Panel) -> Iterator[list[State]]:
    for shape in Shape:
        if states := [state for state in panel.states if state.shape is shape]:
            yield states


def _write_state(graph: graphviz.Digraph, panel: Panel, state: State, lines: int) -> None:
    """A state grows with its lines, so that they do not all meet in one point."""
    look = {"fillcolor": FILLS[state.shape], **_TONES[state.tone]}
    rounded = state.shape is Shape.INPUT
    if state.shape is Shape.NODE:
        wide, tall = len(state.label) > 2, lines > 5
        label, rounded = literal(state.label), wide or tall
        width, height = 0.4 + 0.07 * len(state.label) if wide else 0.42, 0.13 * lines if tall else 0.42
    else:
        label, width = _indexed_c(state.label), 0.6 if rounded else 0.42
        height = max(0.42, (0.1 if rounded else 0.22) * lines)
    shape = "circle" if state.shape is Shape.NODE and not rounded else "box"
    styles = ["filled", *(["rounded"] if rounded else []), *([look.pop("style")] if "style" in look else [])]
    name = f"{panel.name}.{state.name}"
    graph.node(
        name, label=label, id=name, tooltip=literal(state.tooltip), shape=shape, width=f"{width:.2f}",
        height=f"{height:.2f}", style=",".join(styles), **look,
    )  # fmt: skip


def _write_line(graph: graphviz.Digraph, panel: Panel, line: Line) -> None:
    name = f"{panel.name}.{line.name}"
    tail, head = f"{panel.name}.{line.tail}", f"{panel.name}.{line.head}"
    bold = line.dash == "bold"
    pen = {
        "color": line.color, "style": "solid" if bold else line.dash, "tooltip": literal(line.tooltip),
        "penwidth": f"{line.width * (2 if bold else 1):.3g}",
    }  # fmt: skip
    if not line.label:
        graph.edge(tail, head, id=name, arrowhead=line.arrow, **pen)
        return
    graph.node(
        name, label=graphviz.nohtml(literal(line.label)), id=name, tooltip=pen["tooltip"], shape="box",
        style="filled,rounded", fillcolor="white", color=line.color, fontcolor=readable(line.color), fontsize="10.5",
        fixedsize="false", width="0", height="0", margin="0.05,0.025",
    )  # fmt: skip
    graph.edge(tail, f"{name}:w", id=f"{name}.tail", arrowhead="none", **pen)
    graph.edge(f"{name}:e", head, id=f"{name}.head", arrowhead=line.arrow, **pen | {"weight": "20"})


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

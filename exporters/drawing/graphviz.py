"""Diagrams of genotypes: the cells of one, or the difference of two, drawn with Graphviz."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from genocc.counting import Counts, count
from genocc.differences import CellDifference, Connection, Difference
from genocc.errors import GenotypeError, NetworkError
from genocc.files import write_atomically
from genocc.genotype import Cell, Edge, Genotype
from genocc.network import SKELETONS, NetworkConfig
from genocc.operations import get

from .diagram import Arrow, Diagram, Panel, Role, Tone, Vertex
from .rendering import render, suffix_of


def draw(genotype: Genotype, path: str | Path, cells: Sequence[str] | None = None) -> None:
    """Draws the cells of a genotype into a file, all or nothing.

    Args:
        genotype: What to draw.
        path: A file that ends in .svg, .pdf, .png or .dot.
        cells: The kinds of cell to draw; all if not given.

    Raises:
        TargetError: Another suffix, or ``dot`` is missing, fails or takes too long.
        GenotypeError: The genotype has no such cell.
        FileError: The file cannot be written.
    """
    suffix = suffix_of(path)
    write_atomically(path, render(genotype_diagram(genotype, cells), suffix))


def draw_difference(difference: Difference, path: str | Path) -> None:
    """Draws both genotypes of a difference as one; path and errors as in `draw`."""
    suffix = suffix_of(path)
    write_atomically(path, render(difference_diagram(difference), suffix))


def genotype_diagram(
    genotype: Genotype, cells: Sequence[str] | None = None, *, counts: Counts | None = None
) -> Diagram:
    """Returns the diagram of a genotype's cells; arguments and errors as in `draw`.

    ``counts`` are the costs in the tooltips; those of the default network if not given.
    """
    for kind in cells or ():
        if kind not in genotype.cells:
            expected = " or ".join(genotype.cells)
            raise GenotypeError(f"$.cells.{kind}: '{genotype.name}' has no such cell; expected {expected}")
    kinds = [kind for kind in genotype.cells if not cells or kind in cells]
    costs = _shares(genotype, counts)
    panels = tuple(_panel(kind, genotype.cells[kind], costs) for kind in kinds)
    description = " ".join(_described(kind, genotype.cells[kind]) for kind in kinds)
    return Diagram(genotype.name, description, panels)


def difference_diagram(difference: Difference) -> Diagram:
    """Returns the union of two genotypes; edges only in A are dashed with a minus, those only in B bold with a plus."""
    title = f"A: {difference.a.name}, B: {difference.b.name}"
    legend = "− dashed: only in A, + bold: only in B, grey: in both"
    panels = tuple(_union(cell) for cell in difference.cells)
    description = " ".join(f"{cell.kind} cell: {_summary(cell)}." for cell in difference.cells)
    return Diagram(f"{title}\n{legend}", description, panels)


def state_name(cell: Cell, state: int) -> str:
    """Returns the name of a state in papers: ``c_{k-2}`` and ``c_{k-1}`` for the inputs, the number for nodes."""
    return f"c_{{k-{cell.inputs - state}}}" if state < cell.inputs else str(state)


def cell_vertices(cell: Cell) -> tuple[Vertex, ...]:
    """Returns the states of a cell as vertices of a diagram, ``states.0`` and so on, and its ``output``."""
    states = (_vertex(cell, state) for state in range(cell.states))
    return (*states, Vertex("output", Role.OUTPUT, "k", f"c_k, the concat of {_listed(cell.concat)}"))


def _panel(kind: str, cell: Cell, costs: dict[tuple[str, int, int], str]) -> Panel:
    arrows, live = [], cell.live
    for state, position, edge in cell.edges():
        operation = get(edge.op)
        tooltip = f"{edge.op} from {state_name(cell, edge.source)} to {state}"
        tooltip += "" if edge.weight is None else f", weight {edge.weight:.3g}"
        tooltip += costs.get((kind, state, position), "") + ("" if state in live else ", dead")
        arrows.append(
            Arrow(
                name=f"nodes.{state - cell.inputs}.{edge.op}.{position}",
                tail=f"states.{edge.source}",
                head=f"states.{state}",
                label=edge.op,
                tooltip=tooltip,
                color=operation.color if state in live else "#a0a0a0",
                dash=operation.dash,
                arrowhead=operation.arrow,
                width=_width(edge),
            )
        )
    arrows += [
        Arrow(f"concat.{state}", f"states.{state}", "output", "", f"{state} is part of the concat", width=1)
        for state in cell.concat
    ]
    return Panel(kind, f"{kind} cell", cell_vertices(cell), tuple(arrows))


def _vertex(cell: Cell, state: int) -> Vertex:
    live = state in cell.live
    if state < cell.inputs:
        back = cell.inputs - state
        tooltip = f"c_{{k-{back}}}, the output of cell k-{back}" + ("" if live else ", not used")
        role, label = Role.INPUT, f"k-{back}"
    else:
        tooltip = f"node {state}" + ("" if live else ", dead: it reaches no part of the concat")
        role, label = Role.NODE, str(state)
        if state in cell.zeros:
            tone = Tone.ZERO if live else Tone.FAINT
            return Vertex(f"states.{state}", role, f"{label} = 0", f"{tooltip}, zero", tone)
    return Vertex(f"states.{state}", role, label, tooltip, Tone.PLAIN if live else Tone.FAINT)


def _width(edge: Edge) -> float:
    return 1.6 if edge.weight is None else 0.6 + 3.4 * edge.weight


def _shares(genotype: Genotype, counts: Counts | None) -> dict[tuple[str, int, int], str]:
    """Cost of each edge as text; nothing where no skeleton has a place for the cells."""
    counts = counts or _counts(genotype)
    if counts is None:
        return {}
    total = max(counts.total.macs, 1)
    config = counts.config
    network = f"({config.skeleton}, C={config.channels}, L={config.layers})"
    places = [(kind, state, position) for kind, cell in genotype.cells.items() for state, position, _ in cell.edges()]
    return {
        place: f", {row.cost.macs:,} MACs, {row.cost.macs / total:.1%} of the net {network}"
        for place, row in zip(places, counts.by_edge, strict=True)
    }


def _counts(genotype: Genotype) -> Counts | None:
    """Counts in the first skeleton that has a place for the cells, by its defaults."""
    for skeleton in SKELETONS:
        with suppress(NetworkError):
            return count(genotype, NetworkConfig.make(skeleton=skeleton))
    return None


_ADDED: dict[str, Any] = {"color": "#0060a8", "dash": "bold"}
_REMOVED: dict[str, Any] = {"color": "#b03a00", "dash": "dashed", "width": 1.8}
_KEPT: dict[str, Any] = {"color": "#767676", "width": 1.0}


def _union(difference: CellDifference) -> Panel:
    """Matched states are one state; A's names come first."""
    vertices = [*_union_vertices(difference), Vertex("output", Role.OUTPUT, "k", "c_k, the concat")]
    of_b = {there: f"a.{here}" for here, there in difference.matching.items()}
    names_a = [f"a.{state}" for state in range(difference.a.states)] if difference.a else []
    names_b = [of_b.get(state, f"b.{state}") for state in range(difference.b.states)] if difference.b else []
    arrows = [
        *_union_arrows("kept", "", "in both", names_a, difference.kept, difference.concat_kept, _KEPT),
        *_union_arrows("a", "− ", "only in A", names_a, difference.only_a, difference.concat_only_a, _REMOVED),
        *_union_arrows("b", "+ ", "only in B", names_b, difference.only_b, difference.concat_only_b, _ADDED),
    ]
    return Panel(difference.kind, f"{difference.kind} cell: {_summary(difference)}", tuple(vertices), tuple(arrows))


def _union_vertices(difference: CellDifference) -> Iterator[Vertex]:
    matching, a, b = difference.matching, difference.a, difference.b
    for state in range(a.states) if a else ():
        if a and (state < a.inputs or state in a.live):
            here = _vertex(a, state)
            if state not in matching:
                yield replace(here, name=f"a.{state}", tooltip=f"{here.tooltip}, only in A", tone=Tone.REMOVED)
            else:
                yield replace(here, name=f"a.{state}", **_union_look(a, b, state, matching[state]))
    for state in range(b.states) if b else ():
        if b and state not in matching.values() and (state < b.inputs or state in b.live):
            here = _vertex(b, state)
            yield replace(here, name=f"b.{state}", tooltip=f"{here.tooltip}, only in B", tone=Tone.ADDED)


def _union_look(a: Cell, b: Cell | None, here: int, there: int) -> dict[str, Any]:
    """What differs in a matched state from how A alone shows it."""
    if here < a.inputs:
        return {"tone": Tone.PLAIN}
    label, tooltip = f"{here}→{there}", f"node {here} in A, {there} in B"
    if here == there:
        label, tooltip = str(here), f"node {here}"
    if b and here in a.zeros and there in b.zeros:
        return {"label": f"{label} = 0", "tooltip": f"{tooltip}, zero", "tone": Tone.ZERO}
    return {"label": label, "tooltip": tooltip, "tone": Tone.PLAIN}


def _union_arrows(
    part: str,
    sign: str,
    where: str,
    names: Sequence[str],
    edges: Iterable[Connection],
    concat: Iterable[int],
    pen: dict[str, Any],
) -> Iterator[Arrow]:
    for number, edge in enumerate(edges):
        ends = names[edge.source], names[edge.target]
        yield Arrow(f"{part}.edges.{number}", *ends, f"{sign}{edge.op}", f"{edge.op}, {where}", **pen)
    for state in concat:
        label = f"{sign}concat" if sign else ""
        yield Arrow(f"{part}.concat.{state}", names[state], "output", label, f"part of the concat, {where}", **pen)


def _summary(cell: CellDifference) -> str:
    if cell.same:
        return "the same in both"
    first = len(cell.only_a) + len(cell.concat_only_a)
    second = len(cell.only_b) + len(cell.concat_only_b)
    return f"{first} only in A, {second} only in B"


def _described(kind: str, cell: Cell) -> str:
    edges = [f"{edge.op} from {state_name(cell, edge.source)} to {state}" for state, _, edge in cell.edges()]
    parts = "; ".join([*edges, *(f"node {state} is zero" for state in cell.zeros)])
    return f"{kind} cell: {parts}; the output c_k is the concat of {_listed(cell.concat)}."


def _listed(states: Iterable[int]) -> str:
    return ", ".join(map(str, states))

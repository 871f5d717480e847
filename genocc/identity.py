"""The identity of a genotype: a hash that is equal exactly for genotypes that compute the same.

A cell is a directed multigraph whose edges carry operations. Its certificate is the same for cells that are equal up
to the order of edges, the numbering of nodes, dead nodes and what zeros add, and different for all others. Zeros widen
the concat, and operations with BN make something of them; skips and pools do not. Colour refinement alone
(Weisfeiler-Lehman) cannot give that: a node that uses A twice and one that uses two look-alikes A and B unfold alike.
So colours are refined, and where refinement leaves a tie it is broken in every possible way and the smallest result
counts. Two observations keep that fast: parts that are joined only through nodes already distinguished are independent,
and connections that are the same between all members of two colour classes join nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Protocol

from genocc.operations import keeps_zero

Colours = Mapping[int, str]

ZERO = -1
"""The one state that the edges leave which leave a zero."""


class Edge(Protocol):
    """Interface of an edge, as far as identity needs it; `genocc.genotype.Edge` has it."""

    @property
    def op(self) -> str: ...
    @property
    def source(self) -> int: ...


class Cell(Protocol):
    """Interface of a cell, as far as identity needs it; `genocc.genotype.Cell` has it."""

    @property
    def inputs(self) -> int: ...
    @property
    def concat(self) -> tuple[int, ...]: ...
    @property
    def live(self) -> frozenset[int]: ...
    @property
    def zeros(self) -> tuple[int, ...]: ...
    def edges(self) -> Iterator[tuple[int, int, Edge]]: ...


def cells_hash(cells: Mapping[str, Cell]) -> str:
    """Returns 64 hexadecimal digits over the kinds of cell and the certificate of each."""
    return _digest(*(part for kind in sorted(cells) for part in (kind, certificate(cells[kind]))))


def certificate(cell: Cell) -> str:
    """Returns a digest that two cells share exactly when they are isomorphic, dead nodes aside."""
    return _Cell(cell).certificate()


class _Cell:
    """The live states of a cell as a labelled multigraph: ``links[u][v]`` holds u's edges to and from v."""

    def __init__(self, cell: Cell) -> None:
        self.inputs = cell.inputs
        self.concat = frozenset(cell.concat)
        nodes = _nodes(cell)
        zero = [ZERO] if any(source == ZERO for edges in nodes.values() for source, _ in edges) else []
        self.states = [*range(cell.inputs), *zero, *nodes]
        links: dict[int, dict[int, list[str]]] = {state: defaultdict(list) for state in self.states}
        for state, edges in nodes.items():
            for source, op in edges:
                links[source][state].append(f">{op}")
                links[state][source].append(f"<{op}")
        self.links = {u: {v: " ".join(sorted(ops)) for v, ops in near.items()} for u, near in links.items()}

    def certificate(self) -> str:
        return self._canonical(self.states, {state: self._colour(state) for state in self.states})

    def _colour(self, state: int) -> str:
        if state == ZERO:
            return _digest("zero")
        return _digest("input", str(state)) if state < self.inputs else _digest("node", str(state in self.concat))

    def _canonical(self, part: Iterable[int], colours: Colours) -> str:
        """The certificate of some states, given colours that hold for the states around them."""
        colours = self._refine(list(part), colours)
        classes: dict[str, list[int]] = defaultdict(list)
        for state in part:
            classes[colours[state]].append(state)
        tied = [state for members in classes.values() if len(members) > 1 for state in members]
        known = [self._described(members[0], colours) for members in classes.values() if len(members) == 1]
        parts = self._components(tied, colours)
        if len(parts) == 1 and len(parts[0]) == len(list(part)):
            target = min((len(members), colour) for colour, members in classes.items() if len(members) > 1)[1]
            return min(
                self._canonical(part, {**colours, state: _digest("chosen", colours[state])})
                for state in classes[target]
            )
        return _digest(*sorted(known), "parts", *sorted(self._canonical(p, colours) for p in parts))

    def _refine(self, part: list[int], colours: Colours) -> Colours:
        """Colours of the part until no round tells more states apart."""
        current = dict(colours)
        count = len({current[state] for state in part})
        while True:
            refined = {state: self._described(state, current) for state in part}
            if len(set(refined.values())) == count:
                return current
            count = len(set(refined.values()))
            current.update(refined)

    def _described(self, state: int, colours: Colours) -> str:
        return _digest(colours[state], *sorted(f"{link}:{colours[v]}" for v, link in self.links[state].items()))

    def _components(self, tied: list[int], colours: Colours) -> list[list[int]]:
        """Splits tied states into parts that no telling connection joins."""
        members: dict[str, list[int]] = defaultdict(list)
        for state in tied:
            members[colours[state]].append(state)
        near: dict[int, set[int]] = {state: set() for state in tied}
        for first in members.values():
            for second in members.values():
                pairs = [(u, v) for u in first for v in second if u != v]
                if len({self.links[u].get(v, "") for u, v in pairs}) > 1:
                    for u, v in pairs:
                        if v in self.links[u]:
                            near[u].add(v)
                            near[v].add(u)
        parts: list[list[int]] = []
        left = dict.fromkeys(tied)
        while left:
            part, queue = [], [left.popitem()[0]]
            while queue:
                state = queue.pop()
                part.append(state)
                fresh = [v for v in near[state] if v in left]
                for v in fresh:
                    del left[v]
                queue.extend(fresh)
            parts.append(sorted(part))
        return parts


def _nodes(cell: Cell) -> dict[int, list[tuple[int, str]]]:
    """Live node -> (source, operation) of its edges that add something; no zeros but those in the concat."""
    edges: dict[int, list[Edge]] = defaultdict(list)
    for state, _, edge in cell.edges():
        edges[state].append(edge)
    zeros = set(cell.zeros)
    found: dict[int, list[tuple[int, str]]] = {}
    for state in sorted(state for state in cell.live if state >= cell.inputs):
        adding = [edge for edge in edges[state] if not (edge.source in zeros and keeps_zero(edge.op))]
        if not adding:
            zeros.add(state)
        if adding or state in cell.concat:
            found[state] = [(ZERO if edge.source in zeros else edge.source, edge.op) for edge in adding]
    return found


def _digest(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()

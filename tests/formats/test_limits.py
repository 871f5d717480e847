"""Limits of dialects: one step over each is an error that names the place."""

from __future__ import annotations

import pytest

import genocc
from genocc import Cell, Edge, Genotype
from genocc.errors import FormatError
from genocc.formats import DIALECTS, Dialect
from genocc.formats.limits import Limits
from tests.strategies import OPS


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(kinds=("normal",)), "its cells are normal, reduction; expected normal"),
        (Limits(inputs=1), "cell 'normal': 2 inputs; expected 1"),
        (Limits(nodes=5), "cell 'normal': 4 nodes; expected 5"),
        (Limits(edges=1), "cell 'normal', node 2: 2 edges; expected 1"),
        (Limits(output="last"), "cell 'normal': the concat is [2, 3, 4, 5]; expected the last node, 5, alone"),
    ],
    ids=["kinds", "inputs", "nodes", "edges", "output"],
)
def test_beyond_a_limit(limits: Limits, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        limits.check(genocc.load("zoo:darts-v2"))
    assert str(caught.value) == message


def test_within_all_limits_nothing_is_raised() -> None:
    Limits(nodes=4, edges=2, parallel=False, output="all").check(genocc.load("zoo:darts-v2"))


def test_parallel_edges_and_a_part_of_the_nodes_are_told_apart() -> None:
    twice = (Edge(op="skip_connect", source=1), Edge(op="conv_1x1", source=1))
    cell = Cell(nodes=(twice, (Edge(op="conv_1x1", source=0),)), concat=(3,))
    genotype = Genotype(name="g", cells={"normal": cell})
    with pytest.raises(FormatError, match=r"node 2: 2 operations from state 1; expected one from each state$"):
        Limits(kinds=("normal",), parallel=False).check(genotype)
    with pytest.raises(FormatError, match=r"the concat is \[3\]; expected every node$"):
        Limits(kinds=("normal",), output="all").check(genotype)
    Limits(kinds=("normal",), output="last").check(genotype)


def test_a_node_of_zeros_and_one_of_fewer_edges_need_none() -> None:
    zero = Cell(nodes=((Edge(op="none", source=1),), (Edge(op="conv_1x1", source=0),)), concat=(2, 3))
    genotype = Genotype(name="g", cells={"normal": zero})
    Limits(kinds=("normal",), edges=2).check(genotype)
    with pytest.raises(FormatError, match=r"node 2: a node of zeros; its program has no operation for that$"):
        Limits(kinds=("normal",), edges=1, none=False).check(genotype)


def within(dialect: Dialect) -> Genotype:
    """A genotype that a dialect can express: DARTS_V2's size, or the smallest."""
    limits = dialect.limits
    edges = tuple(Edge(op="skip_connect", source=source) for source in range(limits.edges or 1))
    nodes = (edges,) * (limits.nodes or 2)
    last = limits.inputs + len(nodes) - 1
    concat = (last,) if limits.output == "last" else tuple(range(limits.inputs, last + 1))
    return Genotype(
        name="g", cells={kind: Cell(inputs=limits.inputs, nodes=nodes, concat=concat) for kind in limits.kinds}
    )


def changed(genotype: Genotype, **fields: object) -> Genotype:
    normal = genotype.cells["normal"].model_dump() | fields
    return Genotype(name="g", cells={**genotype.cells, "normal": Cell.model_validate(normal)})


@pytest.mark.parametrize("name", DIALECTS)
def test_each_limit_is_kept(name: str) -> None:
    """One step over each limit that a dialect declares is an error; where it declares none, it is written."""
    dialect = DIALECTS[name]
    limits, plain = dialect.limits, within(dialect)
    cell = plain.cells["normal"]
    skip = {"op": "skip_connect", "from": 0}
    nodes = [[edge.model_dump() for edge in node] for node in cell.nodes]
    states = list(range(cell.inputs, cell.states + 1))
    more_nodes = changed(plain, nodes=[*nodes, nodes[0]], concat=states[-1:] if limits.output == "last" else states)
    foreign = next(
        (op for op in OPS if dialect.vocabulary.writes is not None and op not in dialect.vocabulary.writes), ""
    )
    steps = [
        (more_nodes, limits.nodes is None),
        (changed(plain, nodes=[[*nodes[0], {"op": "skip_connect", "from": cell.inputs - 1}], *nodes[1:]]),
         limits.edges is None and (limits.parallel or cell.inputs > 1)),
        (changed(plain, nodes=[*nodes[:-1], [skip] * (limits.edges or 2)]), limits.parallel),
        (changed(plain, concat=(cell.inputs,)), limits.output == "any"),
        (changed(plain, inputs=3, nodes=nodes, concat=[state + 3 - cell.inputs for state in cell.concat]), False),
        (Genotype(name="g", cells={"middle": cell, **plain.cells}), False),
        (Genotype(name="g", cells={"middle": cell}), False),
        *([(changed(plain, nodes=[[{**skip, "op": foreign}, *nodes[0][1:]], *nodes[1:]]), False)] if foreign else []),
    ]  # fmt: skip
    assert dialect.read(dialect.write(plain)).genotype.hash == plain.hash
    for number, (genotype, written) in enumerate(steps):
        if written:
            assert dialect.read(dialect.write(genotype)).genotype.hash == genotype.hash, number
        else:
            with pytest.raises(FormatError, match=f"^dialect {name} cannot express 'g': "):
                dialect.write(genotype)

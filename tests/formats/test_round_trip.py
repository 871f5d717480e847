"""Every dialect reads back what it writes, and refuses to write what it cannot express."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocc import Cell, Edge, Genotype
from genocc.errors import FormatError
from genocc.formats import DIALECTS, Dialect
from genocc.operations import OPERATIONS
from tests.strategies import OPS, cells, genotypes


@st.composite
def expressible(draw: st.DrawFn, dialect: Dialect) -> Genotype:
    """Genotypes within the limits that a dialect declares."""
    limits = dialect.limits
    ops = sorted(dialect.vocabulary.writes or OPS)
    found = {}
    for kind in limits.kinds:
        nodes = []
        for state in range(limits.inputs, limits.inputs + (limits.nodes or draw(st.integers(1, 5)))):
            edge = st.builds(Edge, op=st.sampled_from(ops), source=st.integers(0, state - 1))
            low, high = (limits.edges, limits.edges) if limits.edges else (1, 6 if limits.parallel else min(state, 6))
            unique = None if limits.parallel else (lambda edge: edge.source)
            nodes.append(tuple(draw(st.lists(edge, min_size=low, max_size=high, unique_by=unique))))
        states = list(range(limits.inputs, limits.inputs + len(nodes)))
        concat = {
            "any": st.lists(st.sampled_from(states), min_size=1, unique=True),
            "all": st.permutations(states),
            "last": st.just(states[-1:]),
        }[limits.output]
        found[kind] = Cell(inputs=limits.inputs, nodes=tuple(nodes), concat=tuple(draw(concat)))
    return Genotype(name=draw(st.text(min_size=1, max_size=8).filter(str.isprintable)), cells=found)


@pytest.mark.parametrize("name", DIALECTS)
@given(data=st.data())
def test_what_is_within_the_limits_is_written_and_read_back(name: str, data: st.DataObject) -> None:
    dialect = DIALECTS[name]
    genotype = data.draw(expressible(dialect))
    imported = dialect.read(dialect.write(genotype))
    assert imported.genotype.hash == genotype.hash
    assert [note for note in imported.notes if "BN after a pool" not in note] == []


@given(
    genotypes(weights=True) | cells(inputs=st.integers(1, 3)).map(lambda c: Genotype(name="one", cells={"normal": c}))
)
def test_any_genotype_is_read_back_equal_or_refused(genotype: Genotype) -> None:
    for dialect in DIALECTS.values():
        if (text := text_or_none(dialect, genotype)) is not None:
            assert dialect.read(text).genotype.hash == genotype.hash


def text_or_none(dialect: Dialect, genotype: Genotype) -> str | None:
    try:
        return dialect.write(genotype)
    except FormatError:
        return None


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


@pytest.mark.parametrize("name", DIALECTS)
def test_every_name_that_is_written_is_read_as_the_same_operation(name: str) -> None:
    vocabulary = DIALECTS[name].vocabulary
    for operation in vocabulary.writes or OPERATIONS:
        assert vocabulary.operation(vocabulary.spelling(operation)) == operation
    for text, operation in vocabulary.aliases.items():
        assert vocabulary.operation(text) == operation
        assert operation in OPERATIONS
    for text in vocabulary.differing:
        with pytest.raises(FormatError, match="has no counterpart in genocc: "):
            vocabulary.operation(text)

"""Every dialect reads back what it writes, and refuses to write what it cannot express."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocc import Cell, Edge, Genotype
from genocc.errors import FormatError
from genocc.formats import DIALECTS, Dialect
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
    genotypes(weights=True)
    | genotypes(zeros=True)
    | cells(inputs=st.integers(1, 3)).map(lambda c: Genotype(name="one", cells={"normal": c}))
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

"""Placement: which cells are mixed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocc.network import NetworkConfig
from genocc.searchers.interface import View
from genocc.searchers.parts.placement import Placement
from genocc.searchers.registry import named


@pytest.mark.parametrize(
    ("engine", "mixed"),
    [
        ("all", {0, 1, 2, 3, 4, 5, 6, 7}),
        ("half", {0, 1, 2, 3}),
        ("first", {0, 2}),
        ("last", {5, 7}),
    ],
)
def test_engine_cells_of_eight(engine: str, mixed: set[int]) -> None:
    """EnTranNAS, Figure 4: 8 cells, the third and the sixth are reductions."""
    network = NetworkConfig(layers=8)
    found = named(Placement, engine)().views([network.kind(number) for number in range(8)])
    assert {number for number, view in enumerate(found) if view is View.MIXED} == mixed


@given(st.lists(st.sampled_from(["normal", "reduction"]), min_size=1, max_size=12))
def test_one_cell_of_each_kind_is_the_engine_wherever_it_stands(kinds: list[str]) -> None:
    for engine, order in (("first", kinds), ("last", kinds[::-1])):
        found = named(Placement, engine)().views(kinds)
        found = found if engine == "first" else found[::-1]
        seen: set[str] = set()
        for kind, view in zip(order, found, strict=True):
            assert (view is View.MIXED) == (kind not in seen)
            seen.add(kind)


@given(st.integers(1, 30))
def test_half_are_the_first_cells_rounded_down(layers: int) -> None:
    found = named(Placement, "half")().views(["normal"] * layers)
    assert found == (View.MIXED,) * (layers // 2) + (View.DERIVED,) * (layers - layers // 2)

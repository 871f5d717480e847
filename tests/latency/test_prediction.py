"""Predictions are sums: over cells, over edges, and of what an operation adds to a cell."""

from __future__ import annotations

import random

import pytest

from genocc.errors import TargetError
from genocc.exporters.onnx import OnnxExporter
from genocc.genotype import Cell, Edge, Genotype
from genocc.latency.designs import random_genotype
from genocc.latency.prediction import in_cell, predict
from genocc.latency.profile import UnitCosts
from genocc.network import NetworkConfig
from genocc.zoo import load
from tests.latency.synthetic import on_lines, seconds, synthetic_profile

CONFIG = NetworkConfig(channels=16, layers=8, input_size=(16, 16))


def test_a_net_takes_what_the_machine_takes() -> None:
    genotype = load("darts-v2")
    found = predict(genotype, synthetic_profile(), CONFIG)
    assert found.seconds == pytest.approx(seconds((genotype, CONFIG), on_lines), rel=1e-4)


def test_cells_add_up_and_edges_are_a_part() -> None:
    genotype = random_genotype(random.Random(0), "some", ["sep_conv_3x3", "max_pool_3x3"], CONFIG)
    found = predict(genotype, synthetic_profile(), CONFIG)
    assert list(found.by_cell) == ["stem", *(f"cells.{n}" for n in range(8)), "head"]
    assert sum(found.by_cell.values()) == pytest.approx(found.seconds)
    assert 0.2 * found.seconds < sum(edge.seconds for edge in found.by_edge) < found.seconds
    assert len(found.by_edge) == sum(len(node) for cell in genotype.cells.values() for node in cell.nodes)


def test_what_the_profile_did_not_measure_is_said() -> None:
    known = predict(load("darts-v2"), synthetic_profile(), CONFIG)
    assert known.unmeasured < 0.2
    other = predict(load("darts-v2"), synthetic_profile(), CONFIG.model_copy(update={"channels": 24}))
    assert other.unmeasured > 0.6


def test_a_profile_by_which_a_net_takes_no_time_is_refused() -> None:
    profile = synthetic_profile()
    free = {kind: UnitCosts(call=0, byte=0, mac=0) for kind in profile.kinds}
    with pytest.raises(TargetError, match="says that the net takes no time"):
        predict(load("darts-v2"), profile.model_copy(update={"kinds": free, "deviations": {}}), CONFIG)


def test_an_operation_that_was_not_measured_is_refused() -> None:
    with pytest.raises(TargetError, match=r"^conv_1x5_5x1: .*no measurement of 'conv2d 1x5'.*genocc profile"):
        in_cell("conv_1x5_5x1", (16, 16, 16), 1, synthetic_profile())


@pytest.mark.parametrize(("operation", "stride"), [("sep_conv_3x3", 1), ("dil_conv_5x5", 2), ("avg_pool_3x3", 1)])
def test_an_operation_costs_the_difference_of_two_cells(operation: str, stride: int) -> None:
    """Of whole nets with and without the edge, in every cell of the kind."""
    kind = "normal" if stride == 1 else "reduction"
    with_it, without = (net(kind, extra) for extra in ([operation], []))
    config = NetworkConfig(channels=16, layers=5, input_size=(16, 16))
    states = [(16, 16, 16), (32, 8, 8), (64, 4, 4)] if stride == 1 else [(32, 16, 16), (64, 8, 8)]
    expected = seconds((with_it, config), on_lines) - seconds((without, config), on_lines)
    found = sum(in_cell(operation, state, stride, synthetic_profile()) for state in states)
    assert found == pytest.approx(expected, rel=1e-3)


def net(kind: str, extra: list[str]) -> Genotype:
    def cell(more: list[str]) -> Cell:
        ops = [("max_pool_3x3", 0), ("max_pool_3x3", 1), *((name, 1) for name in more)]
        node = tuple(Edge.model_validate({"op": name, "from": source}) for name, source in ops)
        return Cell(inputs=2, nodes=(node,), concat=(2,))

    return Genotype(name="net", cells={k: cell(extra if k == kind else []) for k in ("normal", "reduction")})


def test_a_profile_has_the_passes_of_its_target() -> None:
    assert synthetic_profile().passes == OnnxExporter.passes

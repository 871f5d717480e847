"""The cost model recovers a synthetic machine from whole nets, and predicts shapes that it never saw."""

from __future__ import annotations

import random
from functools import cache

import pytest

from genocc.exporters.onnx import OnnxExporter
from genocc.latency.designs import Net, design, random_genotype
from genocc.latency.model import Costs, errors, fit
from genocc.latency.prediction import compiled_units
from genocc.latency.units import Unit
from genocc.lowering import lower
from genocc.network import NetworkConfig
from tests.latency.synthetic import Cost, number, off_lines, on_lines

OPERATIONS = ("skip_connect", "max_pool_3x3", "sep_conv_3x3", "dil_conv_5x5")


def network(channels: int, layers: int, size: int) -> NetworkConfig:
    return NetworkConfig(channels=channels, layers=layers, input_size=(size, size))


@cache
def profiled() -> list[list[Unit]]:
    return made(design(OPERATIONS, [network(8, 3, 16), network(16, 3, 16)], 64, seed=0))


@cache
def others() -> list[list[Unit]]:
    """Random nets that are not measured, of the same C and size; all operations in each."""
    rng = random.Random(1)
    networks = [network(8, 3, 16), network(16, 5, 16)]
    return made([(random_genotype(rng, "other", OPERATIONS, config), config) for config in networks * 6])


def made(nets: list[Net]) -> list[list[Unit]]:
    return [compiled_units(lower(*net), OnnxExporter.passes) for net in nets]


def latencies(nets: list[list[Unit]], cost: Cost) -> list[float]:
    return [sum(map(cost, net)) for net in nets]


def predicted(nets: list[list[Unit]], costs: Costs) -> list[float]:
    return [sum(map(costs.of, net)) for net in nets]


def test_a_machine_of_lines_is_recovered_exactly() -> None:
    found = fit(profiled(), latencies(profiled(), on_lines))
    assert max(abs(p / m - 1) for p, m in zip(found.held_out, latencies(profiled(), on_lines), strict=True)) < 1e-6
    for net, expected in zip(others(), latencies(others(), on_lines), strict=True):
        assert sum(map(found.costs.of, net)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("channels", "size"), [(12, 16), (32, 16), (16, 24)])
def test_other_channels_and_sizes_lie_on_the_lines(channels: int, size: int) -> None:
    costs = fit(profiled(), latencies(profiled(), on_lines)).costs
    config = network(channels, 6, size)
    nets = made([(random_genotype(random.Random(2), "other", OPERATIONS, config), config)])
    assert predicted(nets, costs) == pytest.approx(latencies(nets, on_lines), rel=0.02)


def test_each_unit_has_its_cost() -> None:
    """Not only sums: the costs of the kinds that a net has many of."""
    costs = fit(profiled(), latencies(profiled(), on_lines)).costs
    units = {unit.key: unit for net in profiled() for unit in net}.values()
    wanted = [u for u in units if u.kind in ("conv2d 3x3 depthwise", "max_pool 3x3", "relu behind conv", "add")]
    assert len(wanted) > 10
    for unit in wanted:
        assert costs.of(unit) == pytest.approx(on_lines(unit), rel=1e-4, abs=1e-9)


def test_shapes_off_their_line_get_costs_of_their_own() -> None:
    """With deviations of up to 30%, nets that were not measured are predicted better than by lines alone."""
    found = fit(profiled(), latencies(profiled(), off_lines))
    truth = latencies(others(), off_lines)
    lines = Costs(found.costs.kinds, {}, 0.0)
    middle, most = errors(predicted(others(), found.costs), truth)
    assert found.costs.ratio >= 4
    assert middle < 0.02
    assert most < 0.04
    assert middle < errors(predicted(others(), lines), truth)[0]


def test_noise_is_not_taken_for_deviations() -> None:
    """Of a machine of lines that is measured with 3% of noise, the errors stay within the noise."""
    noisy = [s * (1 + 0.06 * (number(str(i)) - 0.5)) for i, s in enumerate(latencies(profiled(), on_lines))]
    found = fit(profiled(), noisy)
    assert errors(predicted(others(), found.costs), latencies(others(), on_lines))[0] < 0.03


def test_the_equations_are_well_conditioned() -> None:
    for cost in (on_lines, off_lines):
        assert fit(profiled(), latencies(profiled(), cost)).condition < 1e5

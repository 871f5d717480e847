"""A synthetic machine, whose costs are known, and profiles of it: nothing is timed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache

from genocc.exporters.bench.profiling import profile
from genocc.exporters.onnx import OnnxExporter
from genocc.latency.designs import Net
from genocc.latency.prediction import compiled_units
from genocc.latency.profile import Profile
from genocc.latency.units import Unit
from genocc.lowering import lower

Cost = Callable[[Unit], float]


def number(text: str) -> float:
    """A number from 0 to 1 that a text determines."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32


def on_lines(unit: Unit) -> float:
    """A machine on which each kind has a line of its own: 1 to 9 us a call, 5 to 20 GB/s, 20 to 80 GMAC/s.

    It fuses: a ReLU behind a convolution is free.
    """
    if unit.kind == "relu behind conv":
        return 0.0
    call, byte, mac = unit.work
    call_cost, byte_cost, mac_cost = (number(f"{unit.kind} {what}") for what in ("call", "byte", "MAC"))
    return 1e-6 * (1 + 8 * call_cost) * call + byte / (5e9 + 15e9 * byte_cost) + mac / (2e10 + 6e10 * mac_cost)


def off_lines(unit: Unit) -> float:
    """The same, but units of one kind and shape lie up to 30% off their line."""
    return on_lines(unit) * (0.7 + 0.6 * number(unit.key))


def seconds(net: Net, cost: Cost) -> float:
    return sum(map(cost, compiled_units(lower(*net), OnnxExporter.passes)))


def timed(cost: Cost, noise: float = 0.0) -> Callable[[Sequence[Net]], list[list[float]]]:
    """Times nets on a machine; the second of three rounds is undisturbed but for noise."""
    return lambda nets: [
        [1.1 * found, found * (1 + noise * (2 * number(net[0].name) - 1)), 1.5 * found]
        for net in nets
        for found in [seconds(net, cost)]
    ]


@cache
def synthetic_profile(cost: Cost = on_lines) -> Profile:
    return profile(channels=(8, 16), layers=(3,), input_size=(16, 16), number=60, measure=timed(cost), threads=2)

"""Profiling: with nets that are timed on a synthetic machine, and a few that really run."""

from __future__ import annotations

import random

import pytest

from genocc.errors import GenoccError, TargetError
from genocc.exporters.bench import profiling
from genocc.exporters.bench.profiling import measured, profile, target_of
from genocc.latency.designs import random_genotype
from genocc.network import NetworkConfig
from genocc.runtimes.table import runtime
from tests.latency.synthetic import number, off_lines, synthetic_profile, timed


def test_a_profile_says_how_it_was_measured_and_how_well() -> None:
    found = synthetic_profile()
    assert (found.runtime, found.target, found.threads, found.batch) == ("onnxruntime", "onnx", 2, 1)
    assert found.version == runtime("onnxruntime").version()
    assert (found.nets.number, found.nets.channels, found.nets.layers) == (60, (8, 16), (3,))
    assert "none" not in found.nets.operations
    assert found.residuals.error_90 < 1e-6  # of the fastest round: the others are 1.1 and 1.5 times as slow
    assert found.residuals.tau == 1
    assert found.residuals.spread == pytest.approx(0.5)


def test_residuals_are_of_nets_that_were_left_out() -> None:
    """With much noise, what is fitted lies closer than what is left out, and the latter is reported."""
    found = profile(channels=(8,), layers=(3,), input_size=(8, 8), number=24, measure=timed(off_lines, 0.3), threads=1)
    assert found.residuals.median_error > 0.05


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"number": 3}, "--nets 3: expected 24 to 2,000"),
        ({"threads": 0}, "--threads 0"),
        ({"rounds": 0}, "--rounds 0"),
        ({"runtime": "abacus"}, "unknown runtime 'abacus'"),
        ({"space": "everything"}, "unknown search space"),
        ({"operations": ["sep"]}, "sep"),
        ({"skeleton": "resnet"}, "skeleton"),
    ],
)
def test_what_cannot_be_profiled(fields: dict[str, object], message: str) -> None:
    with pytest.raises(GenoccError, match=message):
        profile(**fields, measure=lambda nets: pytest.fail("nets are timed"))  # type: ignore[arg-type]


def test_runtimes_run_the_files_that_are_theirs() -> None:
    assert target_of(runtime("onnxruntime")).name == "onnx"
    assert target_of(runtime("openvino")).name == "openvino"
    assert target_of(runtime("eager")).name == "torch"


def test_a_runtime_of_foreign_files_is_refused() -> None:
    class Abacus(type(runtime("eager"))):  # type: ignore[misc]
        name, reads = "abacus", (".beads",)

    with pytest.raises(TargetError, match="runtime 'abacus' runs no target's files"):
        target_of(Abacus())


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_nets_are_compiled_and_timed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A net that computes a thousand times as much takes longer, in each round."""
    if reason := runtime(name).lacks():
        pytest.skip(reason)
    monkeypatch.setattr(profiling, "samples", lambda infer, images: [number_of_runs(infer, images)])
    configs = [NetworkConfig(channels=c, layers=3, input_size=(s, s)) for c, s in ((2, 8), (4, 16))]
    nets = [(random_genotype(random.Random(0), "net", ["conv_1x1"], config, 1), config) for config in configs]
    assert measured(nets, runtime(name), threads=1, rounds=2) == [[8.0, 8.0], [16.0, 16.0]]


def number_of_runs(infer, images) -> float:  # type: ignore[no-untyped-def]
    """Instead of seconds, which no test can rely on: the height of the image that a net really ran on."""
    assert infer(images).shape == (1, 10)
    return float(images.shape[2])


def test_synthetic_costs_are_repeatable() -> None:
    assert number("a") == number("a") != number("b")

"""Targets: their levels of optimization, their options, and the limits of what they take."""

from __future__ import annotations

from pathlib import Path

import pytest

import genocc
from genocc import NetworkConfig
from genocc.compiler import choose_passes, compile_net, make_exporter
from genocc.errors import GenoccError, TargetError
from genocc.passes import PASSES
from genocc.targets import exporter, exporters, level
from tests.strategies import crowded


def test_levels_choose_among_the_passes_of_the_target() -> None:
    onnx = make_exporter("onnx")
    assert level(onnx, 0) == ()
    assert choose_passes(onnx, None, None) == level(onnx, 2) == onnx.passes
    assert choose_passes(onnx, ["fold-batch-norm"], None) == ("fold-batch-norm",)
    assert set(onnx.passes) - set(level(onnx, 1)) == {name for name in onnx.passes if PASSES[name].grows} != set()
    with pytest.raises(GenoccError, match="optimization level 3 does not exist"):
        level(onnx, 3)


def test_targets_and_their_options_are_known_by_name() -> None:
    assert set(exporters()) >= {"onnx", "torch", "pt2", "python"}
    with pytest.raises(TargetError, match="target 'onnx' has no option op-set; its options are normalization, "):
        make_exporter("onnx", op_set=18)
    with pytest.raises(TargetError, match="unknown target 'tflite'; expected one of onnx"):
        make_exporter("tflite")


@pytest.mark.parametrize("target", ["onnx", "torch", "pt2", "python"])
def test_every_target_has_a_limit_of_primitives_and_of_weights(target: str, tmp_path: Path) -> None:
    output = tmp_path / f"net{exporter(target).suffix}"
    two = NetworkConfig(channels=4, layers=2, input_size=(8, 8))
    with pytest.raises(TargetError, match=rf"the net has .* primitives, and target '{target}' takes [36],000 at most"):
        genocc.compile(crowded(), two, to=target, output=output)
    wide = NetworkConfig(channels=4096, layers=20)
    with pytest.raises(
        TargetError, match=rf"the weights take .* GiB, and one file of target '{target}' holds 2\.0 GiB"
    ):
        genocc.compile(genocc.load("zoo:darts-v2"), wide, to=target, output=output, verify=False)
    assert not output.exists()


def test_a_target_has_a_limit_of_what_primitives_read_too(tmp_path: Path) -> None:
    """Sums of thousands of states are few primitives, and minutes of work."""
    config = NetworkConfig(channels=4, layers=13, input_size=(8, 8))
    with pytest.raises(
        TargetError, match=r"the net's primitives have 1\d,\d{3} inputs, and target 'onnx' takes 12,000"
    ):
        genocc.compile(crowded(op="skip_connect"), config, to="onnx", output=tmp_path / "net.onnx", verify=False)


def test_published_nets_are_far_from_the_limits() -> None:
    largest, large = genocc.load("zoo:pnasnet"), NetworkConfig(channels=96, layers=40)
    for name, target in exporters().items():
        assert len(compile_net(largest, large).logical.nodes) < target.max_primitives, name

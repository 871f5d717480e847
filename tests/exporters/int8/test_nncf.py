"""OpenVINO files in int8, by NNCF in its own process."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import genocc
from genocc import NetworkConfig
from genocc.compiler import compile_net
from genocc.errors import TargetError
from genocc.exporters.int8 import nncf
from genocc.exporters.int8.nncf import NncfQuantizer
from genocc.exporters.openvino import OpenVinoExporter
from genocc.runtimes.openvino import OPENVINO, openvino

pytestmark = pytest.mark.skipif(
    OPENVINO.lacks() is not None or find_spec("nncf") is None, reason="OpenVINO or NNCF is not installed"
)

TINY = NetworkConfig(channels=4, layers=2, input_size=(8, 8))
IMAGES = np.random.default_rng(0).standard_normal((6, 3, 8, 8)).astype(np.float32)


def quantizer(images: np.ndarray = IMAGES) -> NncfQuantizer:
    exporter = OpenVinoExporter(precision="int8", calibrate="fake")
    net = compile_net(genocc.load("zoo:darts-v2"), TINY, passes=exporter.default_passes)
    return NncfQuantizer(
        exporter._model(net), images, lambda model, path: openvino().save_model(model, path) or len(model.get_ops())
    )


@pytest.mark.full  # importing NNCF takes five seconds
def test_layers_are_quantized_but_those_that_are_kept(tmp_path: Path) -> None:
    made = quantizer()
    assert {"stem.conv", "cells.0.pre0.conv", "classifier.linear"} <= set(made.layers)
    kept = "cells.0.pre0.conv"
    assert made.write(tmp_path / "net.xml", [kept]) > 0
    model = nncf.core().read_model(tmp_path / "net.xml")
    nodes = {nncf._layer(node): node for node in model.get_ordered_ops() if node.get_type_name() in nncf.LAYERS}
    for name, node in nodes.items():
        source = node.input_value(1).get_node().get_type_name()
        assert (source == "Constant") == (name == kept), name
    made._whole = model
    found = made.costs(IMAGES[:2])
    assert found[kept] == pytest.approx(0, abs=1e-6)
    assert 0 < found["stem.conv"] < 0.1
    weights = [node.get_data() for node in model.get_ordered_ops() if node.get_type_name() == "Constant"]
    extremes = [abs(values.astype(int)).max() for values in weights if values.dtype == np.int8 and values.size]
    assert len(extremes) == len(nodes) - 1
    assert 63 <= max(extremes) <= 64  # of 127: no sum of two products saturates on processors without VNNI


@pytest.mark.full
def test_the_same_images_give_the_same_bytes(tmp_path: Path) -> None:
    """Layers that stay in float too, and although OpenVINO has made other nodes meanwhile."""
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        made = quantizer()
        made.write(folder / "whole.xml")
        made.write(folder / "kept.xml", ["cells.0.pre0.conv"])
    for name in ("whole.xml", "whole.bin", "kept.xml", "kept.bin"):
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes(), name
    assert (tmp_path / "0" / "whole.bin").read_bytes() != (tmp_path / "0" / "kept.bin").read_bytes()


@pytest.mark.full
def test_what_nncf_refuses_is_one_line() -> None:
    with pytest.raises(TargetError, match=r"^NNCF cannot quantize the net: ") as caught:
        quantizer(IMAGES[:, :2]).write(Path("unused.xml"))
    assert len(str(caught.value).splitlines()) == 1

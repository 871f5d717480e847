"""The ONNX target: what the files contain, and that they compute what the graph does."""

from __future__ import annotations

import json
import subprocess
import sys
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genocc
from genocc import Genotype, NetworkConfig, checkpoints
from genocc.compiler import compile_net
from genocc.errors import InternalError, TargetError
from genocc.exporters.onnx import OnnxExporter, check
from genocc.nn.checkpoints import import_weights
from genocc.passes import PASSES, Parameters, run_passes, select
from genocc.runtimes.onnx_runtime import session
from genocc.targets import level
from tests import sample_data
from tests.exporters.onnx_models import SMALL, net_of, run_reference, run_runtime
from tests.reference import evaluate, random_image, random_parameters, relative_error
from tests.strategies import genotypes, networks

NEWEST = onnx.defs.onnx_opset_version()


def test_the_checker_sees_all_but_the_weights_and_their_sizes(darts_v2: Genotype) -> None:
    model = OnnxExporter().model(compile_net(darts_v2, SMALL))
    assert max(len(tensor.raw_data) for tensor in model.graph.initializer) > 1 << 10
    check(model)
    weight = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    weight.raw_data = weight.raw_data[:-4]
    with pytest.raises(InternalError, match=rf"the initializer '{weight.name}' has \d+ bytes; expected \d+"):
        check(model)
    model = OnnxExporter().model(compile_net(darts_v2, SMALL))
    max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data)).dims[0] += 1
    with pytest.raises(InternalError, match="initializer"):
        check(model)
    model = OnnxExporter().model(compile_net(darts_v2, SMALL))
    next(node for node in model.graph.node if node.op_type == "Conv").op_type = "Comv"
    with pytest.raises(InternalError, match="the ONNX file that was built is not valid"):
        check(model)


@pytest.mark.parametrize("opset", range(17, NEWEST + 1))
def test_the_requested_opset_is_stamped(opset: int, darts_v2: Genotype) -> None:
    model = OnnxExporter(opset=opset).model(compile_net(darts_v2, SMALL))
    check(model)
    (stamped,) = model.opset_import
    assert (stamped.domain, stamped.version) == ("", opset)
    # The first onnx release that had the opset fixes the IR version that runtimes of that time read.
    first = next(row for row in onnx.helper.VERSION_TABLE if row[2] >= opset)
    assert model.ir_version == first[1]


@pytest.mark.parametrize("opset", [0, 11, 16, NEWEST + 1])
def test_other_opsets_are_refused(opset: int) -> None:
    with pytest.raises(TargetError, match=rf"opset {opset} is not supported; expected 17 to {NEWEST}"):
        OnnxExporter(opset=opset)


def test_names_are_origins(darts_v2: Genotype, tmp_path: Path) -> None:
    net = compile_net(darts_v2, SMALL)
    graph = OnnxExporter().model(net).graph
    assert [value.name for value in graph.input] == ["image"]
    assert [value.name for value in graph.output] == ["logits"]
    for value, shape in ((graph.input[0], [3, 32, 32]), (graph.output[0], [10])):
        batch, *rest = value.type.tensor_type.shape.dim
        assert batch.dim_param == "batch"
        assert [dim.dim_value for dim in rest] == shape
    origins = [node.name for node in graph.node if "/" not in node.name]
    assert origins == [name for name in net.graph.nodes if name != "image"]
    assert "cells.0.nodes.0.sep_conv_3x3.0.dw1" in origins
    names = {tensor.name for tensor in graph.initializer}
    assert {*net.graph.parameters(), *net.graph.buffers()} == {name for name in names if not name.startswith("shift.")}
    assert all(node.name.partition("/")[0] in net.graph.nodes for node in graph.node)
    assert all(node.domain == "" for node in graph.node)
    assert (
        len({node.name for node in graph.node}) == len(graph.node) == OnnxExporter().write(net, tmp_path / "net.onnx")
    )


def test_metadata_tells_where_the_file_comes_from(darts_v2: Genotype) -> None:
    names = tuple(f"Klasse {number} ä" for number in range(10))
    exporter = OnnxExporter(normalize=((0.5,) * 3, (0.25,) * 3), class_names=names)
    model = exporter.model(compile_net(darts_v2, SMALL, seed=3, passes=["remove-dead-code"]))
    found = {entry.key: entry.value for entry in model.metadata_props}
    assert Genotype.loads(found["genotype"]) == darts_v2
    assert found["hash"] == darts_v2.hash
    assert NetworkConfig(**json.loads(found["network"])) == SMALL
    assert (found["weights"], found["trained"], found["seed"]) == ("untrained weights, seed 3", "false", "3")
    assert found["passes"] == "remove-dead-code"
    assert tuple(json.loads(found["class_names"])) == names
    assert json.loads(found["mean"]) == [0.5, 0.5, 0.5]
    assert json.loads(found["std"]) == [0.25, 0.25, 0.25]
    assert found["genocc_version"] == genocc.__version__ == model.producer_version


def test_two_runs_give_the_same_bytes_and_no_path(tmp_path: Path) -> None:
    program = (
        "import sys, genocc; from pathlib import Path; from genocc.compiler import compile_net\n"
        "from genocc.exporters.onnx import OnnxExporter\n"
        "net = compile_net(genocc.load('zoo:darts-v2'), genocc.NetworkConfig(channels=4, layers=3))\n"
        "OnnxExporter().write(net, Path(sys.argv[1]))\n"
        "assert 'torch' not in sys.modules\n"
    )
    contents = []
    for seed in ("1", "2"):
        folder = tmp_path / f"folder-{seed}"
        folder.mkdir()
        environment = {"PYTHONHASHSEED": seed, "PATH": ""}
        subprocess.run([sys.executable, "-c", program, "net.onnx"], check=True, cwd=folder, env=environment)
        contents.append((folder / "net.onnx").read_bytes())
        assert [path.name for path in folder.iterdir()] == ["net.onnx"]
    assert contents[0] == contents[1]
    for place in (tmp_path, Path.cwd(), Path.home(), Path(sys.prefix)):
        assert str(place).encode() not in contents[0]


def test_the_file_is_little_more_than_its_parameters(darts_v2: Genotype) -> None:
    exporter = OnnxExporter()
    net = compile_net(darts_v2, passes=level(exporter, 1))
    logical = sum(map(prod, genocc.lower(darts_v2).parameters().values()))
    assert net.growth <= 1
    assert len(exporter.model(net).SerializeToString()) <= 1.03 * 4 * logical


def test_what_no_file_can_hold_is_refused_before_it_is_made(darts_v2: Genotype, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"weights take \d+\.\d GiB, and one file of target 'onnx' holds 2\.0 GiB"):
        genocc.compile(darts_v2, NetworkConfig(channels=4096), to="onnx", output=tmp_path / "large.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "options",
    [
        {"normalize": ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))},
        {"uint8_input": True},
        {"uint8_input": True, "normalize": ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3)), "softmax": True},
        {"softmax": True},
    ],
    ids=lambda options: "+".join(options),
)
def test_deployment_options(options: dict[str, Any], darts_v2: Genotype) -> None:
    graph = genocc.lower(darts_v2, SMALL)
    parameters = random_parameters(graph)
    model = OnnxExporter(**options).model(
        net_of(graph, {name: array.astype(np.float32) for name, array in parameters.items()}, darts_v2)
    )
    check(model)
    random = np.random.default_rng(0)
    uint8 = random.integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    image = uint8 if "uint8_input" in options else (uint8 / 255).astype(np.float32)
    x = uint8 / 255
    if "normalize" in options:
        mean, std = (np.array(values)[:, None, None] for values in options["normalize"])
        x = (x - mean) / std
    expected = evaluate(graph, parameters, x)["logits"]
    if "softmax" in options:
        expected = np.exp(expected) / np.exp(expected).sum(1, keepdims=True)
    assert [value.name for value in model.graph.output] == ["probabilities" if "softmax" in options else "logits"]
    for found in (run_runtime(model, image), run_reference(model, image)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"normalize": ((0.5,), (0.5,))}, "found 1 means and 1 deviations; the images have 3 channels"),
        ({"normalize": ((0.5,) * 3, (0.5, 0.0, 0.5))}, "deviations above 0"),
        ({"normalize": ((float("nan"),) * 3, (0.5,) * 3)}, "expected numbers"),
        ({"class_names": ("cat", "dog")}, "found 2 class names; the net has 10 classes"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], message: str, darts_v2: Genotype) -> None:
    with pytest.raises(TargetError, match=message):
        OnnxExporter(**options).model(compile_net(darts_v2, SMALL))


@given(genotypes(max_nodes=4, max_edges=4, zeros=True), networks(), st.integers(0, 2**32 - 1))
@settings(max_examples=100)
def test_any_genotype_computes_the_same(genotype: Genotype, config: NetworkConfig, seed: int) -> None:
    _agree(genotype, config, seed)


@pytest.mark.full
@given(genotypes(zeros=True), networks(max_channels=10, max_layers=6), st.integers(0, 2**32 - 1))
@settings(max_examples=500)
def test_any_large_genotype_computes_the_same(genotype: Genotype, config: NetworkConfig, seed: int) -> None:
    _agree(genotype, config, seed)


@pytest.mark.parametrize(
    ("name", "genotype", "config"),
    [
        ("darts_v2_cifar_c8_l8", "zoo:darts-v2", NetworkConfig(channels=8, layers=8)),
        (
            "pc_darts_image_imagenet_c8_l5",
            "zoo:pc-darts-image",
            NetworkConfig(skeleton="imagenet", channels=8, layers=5, classes=20),
        ),
    ],
)
def test_real_checkpoints_give_the_logits_of_the_reference_program(
    name: str, genotype: str, config: NetworkConfig, tmp_path: Path
) -> None:
    loaded = genocc.load(genotype)
    imported = import_weights(sample_data.path(f"checkpoints/{name}.pt"), loaded, config, checkpoints.LAYOUTS["darts"])
    path = tmp_path / "net.onnx"
    OnnxExporter().write(compile_net(loaded, config, weights=imported.arrays, passes=OnnxExporter.passes), path)
    data = np.load(sample_data.path(f"checkpoints/{name}.npz"))
    (logits,) = session(path.read_bytes()).run(None, {"image": data["image"]})
    assert relative_error({"logits": np.asarray(logits)}, {"logits": data["logits"]}) < 1e-5


def _agree(genotype: Genotype, config: NetworkConfig, seed: int) -> None:
    """ONNX Runtime, and in float64 ONNX's reference evaluator, against an independent reading of the graph."""
    graph = genocc.lower(genotype, config)
    parameters, x = random_parameters(graph, seed), random_image(graph, batch=2, seed=seed)
    expected = evaluate(graph, parameters, x)
    optimized, arrays = run_passes(graph, Parameters.of(parameters), select(OnnxExporter.passes, PASSES))
    double = OnnxExporter().model(net_of(optimized, arrays, genotype, config))
    assert relative_error({"logits": run_reference(double, x)}, expected) < 1e-10
    single = OnnxExporter().model(net_of(optimized, arrays.astype(np.float32), genotype, config))
    check(single)
    assert relative_error({"logits": run_runtime(single, x.astype(np.float32))}, expected) < 1e-4

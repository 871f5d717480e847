"""Metadata of compiled files are believed as far as the graph beside them does not contradict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest

import genocc
from genocc import NetworkConfig
from genocc import weights as weight_files
from genocc.errors import TargetError
from genocc.runtimes.files import open_file
from genocc.runtimes.openvino import OPENVINO
from tests.cli.commands import error

NET = NetworkConfig(channels=4, layers=3, input_size=(16, 24))
NORMALIZE = ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
ALL: dict[str, Any] = {"softmax": True, "uint8_input": True, "normalize": NORMALIZE}
SUFFIXES = {
    "onnx": ".onnx",
    "openvino": pytest.param(".xml", marks=pytest.mark.skipif(bool(OPENVINO.lacks()), reason="no OpenVINO")),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same net as every kind of file, plain and with all options."""
    made = tmp_path_factory.mktemp("compiled")
    targets = {"onnx": ".onnx", "torch": ".safetensors"} | ({} if OPENVINO.lacks() else {"openvino": ".xml"})
    for target, suffix in targets.items():
        for name, options in (("plain", {}), ("all", ALL if target != "torch" else {})):
            output = made / f"{name}{suffix}"
            genocc.compile(genocc.load("zoo:darts-v2"), NET, to=target, output=output, verify=False, **options)
    return made


def network(**changed: Any) -> str:
    return json.dumps(NET.model_dump(mode="json") | changed)


def changed(path: Path, output: Path, key: str, text: str) -> Path:
    """A copy of a file with another text in its metadata."""
    if path.suffix == ".safetensors":
        arrays = {name: array.copy() for name, array in weight_files.load(path).items()}
        weight_files.save(arrays, output, {**weight_files.metadata(path), key: text})
    elif path.suffix == ".onnx":
        model = onnx.load(path)
        texts = {entry.key: entry.value for entry in model.metadata_props} | {key: text}
        del model.metadata_props[:]
        onnx.helper.set_model_props(model, texts)
        onnx.save(model, output)
    else:
        old = open_file(path).metadata[key]
        quoted = [f'<{key} value="{one.replace("&", "&amp;").replace(chr(34), "&quot;")}"' for one in (old, text)]
        found = path.read_text()
        assert quoted[0] in found
        output.write_text(found.replace(*quoted))
        output.with_suffix(".bin").write_bytes(path.with_suffix(".bin").read_bytes())
    return output


CHANGES = [
    ("plain", "softmax", "true", "they say probabilities, its graph does not end in a softmax"),
    ("all", "softmax", "false", "they say logits, its graph ends in a softmax"),
    ("plain", "uint8_input", "true", r"they say uint8 images, its graph takes tensor\(float\)"),
    ("all", "uint8_input", "false", r"they say float images, its graph takes tensor\(uint8\)"),
    ("plain", "network", network(classes=7), "they say classes: 7, its graph has 10"),
    ("all", "network", network(input_size=[24, 16]), "they say images of 3x24x16, its graph has 3x16x24"),
    ("plain", "hash", "0" * 64, "hash: found '0{28}.*0{28}'; the genotype beside it has [0-9a-f]{64}"),
    ("plain", "trained", "true", "trained: found true; the seed of untrained weights is 0"),
]


@pytest.mark.parametrize("suffix", SUFFIXES.values())
@pytest.mark.parametrize(("name", "key", "text", "message"), CHANGES)
def test_metadata_that_contradict_the_graph_are_refused(
    folder: Path, suffix: str, name: str, key: str, text: str, message: str, tmp_path: Path
) -> None:
    path = changed(folder / f"{name}{suffix}", tmp_path / f"net{suffix}", key, text)
    with pytest.raises(TargetError, match=message):
        open_file(path).provenance()


@pytest.mark.parametrize("suffix", SUFFIXES.values())
@pytest.mark.parametrize("name", ["plain", "all"])
def test_metadata_that_agree_are_taken(folder: Path, suffix: str, name: str) -> None:
    found = open_file(folder / f"{name}{suffix}").provenance()
    assert (found.softmax, found.uint8_input, found.normalize) == (
        (False, False, None) if name == "plain" else (True, True, NORMALIZE)
    )
    assert found.config == NET


def test_a_normalization_is_looked_for_in_the_graph(folder: Path, tmp_path: Path) -> None:
    onnx_file = tmp_path / "net.onnx"
    genocc.compile(genocc.load("zoo:darts-v2"), NET, to="onnx", output=onnx_file, verify=False, normalize=NORMALIZE)
    changed(onnx_file, onnx_file, "normalize", "false")
    with pytest.raises(TargetError, match="they say that images are normalized before, its graph begins with a norm"):
        open_file(onnx_file).provenance()
    genocc.compile(genocc.load("zoo:darts-v2"), NET, to="onnx", output=onnx_file, verify=False, normalization=NORMALIZE)
    changed(onnx_file, onnx_file, "normalize", "true")
    with pytest.raises(TargetError, match="they say that it normalizes images, its graph does not"):
        open_file(onnx_file).provenance()


def test_evaluate_and_verify_name_the_contradiction(folder: Path, tmp_path: Path) -> None:
    path = changed(folder / "plain.onnx", tmp_path / "net.onnx", "softmax", "true")
    said = (
        f"genocc: error: {path}: contradicts its metadata: they say probabilities, its graph does not end in a softmax"
    )
    assert error("verify", path).startswith(said)
    assert error("evaluate", path, "--data", "fake").startswith(said)
    path = changed(folder / "plain.safetensors", tmp_path / "net.safetensors", "uint8_input", "true")
    assert "they say uint8 images, which a file of weights alone does not hold" in error(
        "evaluate", path, "--data", "fake"
    )
    assert "they say uint8 images, which a file of weights alone does not hold" in error("verify", path)


@pytest.mark.parametrize("batch", [-3, 0, 1 << 62])
def test_a_graph_of_an_impossible_batch_is_refused(folder: Path, tmp_path: Path, batch: int) -> None:
    model = onnx.load(folder / "plain.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch
    onnx.save(model, tmp_path / "forged.onnx")
    with pytest.raises(TargetError, match=f"forged.onnx: takes {batch:,} images at a time; expected 1 to 65,536$"):
        open_file(tmp_path / "forged.onnx").provenance()


def test_a_type_that_has_no_name_here_is_refused(folder: Path, tmp_path: Path) -> None:
    model = onnx.load(folder / "all.onnx")
    model.graph.input[0].type.tensor_type.elem_type = 99
    onnx.save(model, tmp_path / "newer.onnx")
    with pytest.raises(TargetError, match=r"they say uint8 images, its graph takes tensor\(99\); was it changed\?$"):
        open_file(tmp_path / "newer.onnx").provenance()

"""Every example runs, small; and prints what examples/README.md says that it prints."""

from __future__ import annotations

import ast
import re
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import genocc
from genocc.data import dataset
from genocc.operations import OPERATIONS
from tests.sample_data import ROOT

EXAMPLES = ROOT / "examples"


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Searches see a few images. What examples register, and PyTorch's seed, is not for the tests that follow."""
    search, few = genocc.search, ("data.training=60", "data.validation=60", "schedule.batch_size=30")
    monkeypatch.setattr(
        genocc, "search", lambda *at, overrides=(), **given: search(*at, overrides=[*overrides, *few], **given)
    )
    monkeypatch.setattr(dataset, "_REGISTERED", {})
    known, threads = dict(OPERATIONS), torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)
    OPERATIONS.clear()
    OPERATIONS.update(known)


def main(name: str) -> Callable[..., None]:
    """The ``main`` of an example."""
    function: Callable[..., None] = runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]
    return function


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_search_and_deploy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main("search_and_deploy")(tmp_path / "run", "darts", search_epochs=1, epochs=2)
    first = lines(capsys)
    main("search_and_deploy")(tmp_path / "run", "darts", search_epochs=1, epochs=2)  # reads what the first one found
    assert lines(capsys) == first
    assert first[0].startswith("darts-digits-seed0: ")
    in_pytorch, in_onnx_runtime = (re.findall(r"([\d.]+)% ", f"{line} ")[0] for line in (first[1], first[3]))
    assert in_pytorch == in_onnx_runtime
    assert float(in_onnx_runtime) > 20  # of ten classes, after two epochs


def test_custom_operation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main("custom_operation")(tmp_path / "run", epochs=1)
    printed = lines(capsys)
    assert [line.split(":")[0] for line in printed] == [
        "sep_conv_3x3", "mbconv_3x3", "entrannas-dst-digits-seed0", "mbconv.onnx"
    ]  # fmt: skip
    searched = genocc.load(tmp_path / "run")
    allowed = {"skip_connect", "max_pool_3x3", "sep_conv_3x3", "mbconv_3x3"}
    found = {edge.op for cell in searched.cells.values() for _, _, edge in cell.edges()}
    assert "mbconv_3x3" in found <= allowed


def test_custom_searcher(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main("custom_searcher")(tmp_path / "run", epochs=1)
    assert lines(capsys)[-1].startswith("pc-dst-digits-seed0: ")
    genotype = genocc.load(tmp_path / "run")
    assert genotype.metadata["method"] == "pc-dst"


def test_custom_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main("custom_data_set")(tmp_path / "run", epochs=1)
    assert lines(capsys)[-1].startswith("entrannas-dst-stripes-seed0: ")
    images = genocc.load(tmp_path / "run").metadata["images"]
    assert (images["name"], images["classes"], images["size"]) == ("stripes", 4, [16, 16])


def test_detection(capsys: pytest.CaptureFixture[str]) -> None:
    main("detection")(size=96, channels=4, layers=6)
    printed = lines(capsys)
    assert printed[0] == "cells [1, 3, 5], strides [8, 16, 32], channels [16, 32, 64, 256, 256, 256]"
    assert printed[1].startswith("losses: bbox_regression ")
    assert printed[2].startswith("detections: [")


def test_segmentation(capsys: pytest.CaptureFixture[str]) -> None:
    main("segmentation")(size=65, channels=4, layers=6)
    printed = lines(capsys)
    assert printed[0] == "cells [3, 5], strides [8, 16], channels [32, 64]"
    assert float(printed[1].removeprefix("loss: ")) > 1
    assert printed[2] == "segmented: (1, 65, 65)"


def test_onnx_inference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether mean and deviation are taken out inside or outside, and of which type images are: the same scores."""
    config = genocc.NetworkConfig(channels=4, layers=3, classes=4, input_size=(8, 8))
    known = ((0.5, 0.4, 0.3), (0.25, 0.2, 0.3))
    names = tuple(f"kind {letter}" for letter in "abcd")
    np.save(tmp_path / "images.npy", np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8))
    printed: list[list[str]] = []
    for options in ({"normalize": known, "uint8_input": True}, {"normalize": known}, {"normalization": known}):
        model, named = tmp_path / "net.onnx", {**options, "softmax": True, "class_names": names}
        genocc.compile(genocc.load("zoo:darts-v2"), config, to="onnx", output=model, **named)
        main("onnx_inference")(model, tmp_path / "images.npy")
        printed.append(lines(capsys))
    assert printed[0] == printed[1] == printed[2]
    assert printed[0][0] == (
        "untrained weights, seed 0, 4 class names, mean [0.5, 0.4, 0.3], deviation [0.25, 0.2, 0.3]"
    )
    assert len(printed[0]) == 4
    assert printed[0][1].split(": ")[1].startswith("kind ")


def test_onnx_inference_on_a_file_that_says_less(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = genocc.NetworkConfig(channels=4, layers=3, classes=4, input_size=(8, 8))
    genocc.compile(genocc.load("zoo:darts-v2"), config, to="onnx", output=tmp_path / "net.onnx")
    main("onnx_inference")(tmp_path / "net.onnx")
    printed = lines(capsys)
    assert printed[0].endswith("0 class names, mean [], deviation []")
    assert printed[1].startswith("image 0: class ")


def test_onnx_inference_needs_numpy_and_onnx_runtime_alone() -> None:
    tree = ast.parse((EXAMPLES / "onnx_inference.py").read_text(encoding="utf-8"))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} - sys.stdlib_module_names == {"numpy", "onnxruntime"}


def test_every_example_is_in_the_readme_and_tested() -> None:
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in EXAMPLES.glob("*.py"):
        assert f"]({path.name})" in readme
        assert f"test_{path.stem}" in globals()

"""``genocc verify``."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper

from genocc.cli.verify import _batches
from genocc.errors import TargetError
from tests.cli.test_compile import SMALL, error, run


def test_verify_exits_with_1_on_a_mismatch(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    run("compile", "zoo:darts-v2", "--to", "onnx", "-o", path, *SMALL, "--no-verify")
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    tensor.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(tensor), tensor.name))
    onnx.save(model, path)
    assert "DIFFERENT" in run("verify", path, code=1).stdout
    assert json.loads(run("verify", path, "--json", code=1).stdout)["ok"] is False
    assert "same" in run("verify", path, "--tolerance", "1e9").stdout


def test_batches_are_numbers_of_images() -> None:
    assert _batches("1, 2,65536") == [1, 2, 65536]
    for text in ("", "0", "1,,2", "-1", "1.5", "65537"):
        with pytest.raises(TargetError, match="expected numbers of images, 1 to 65,536, such as 1,2,7"):
            _batches(text)


def test_a_tolerance_that_nothing_meets_is_an_error() -> None:
    assert "--tolerance: found 0.0; expected a positive number" in error("verify", "net.onnx", "--tolerance", "0")

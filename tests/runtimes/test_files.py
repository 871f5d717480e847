"""Compiled files by suffix."""

from __future__ import annotations

from pathlib import Path

import pytest

from genocc.errors import FileError
from genocc.runtimes.files import open_file
from genocc.runtimes.onnx_files import OnnxFile
from tests.runtimes.onnx_models import model


def test_the_suffix_says_the_kind_and_onnx_is_what_has_none(tmp_path: Path) -> None:
    for name in ("net.onnx", "net"):
        (tmp_path / name).write_bytes(model().SerializeToString())
        file = open_file(tmp_path / name)
        assert isinstance(file, OnnxFile)
        assert (file.where, file.model, file.metadata) == (str(tmp_path / name), model(), {})
    assert open_file(tmp_path / "net.onnx", "the new file").where == "the new file"


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    for name in ("net.onnx", "net.safetensors"):
        with pytest.raises(FileError, match="no such file"):
            open_file(tmp_path / name)

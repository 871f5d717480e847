"""Compiled files by suffix."""

from __future__ import annotations

from pathlib import Path

import pytest

from genocc.errors import FileError, TargetError
from genocc.runtimes.files import open_file
from genocc.runtimes.onnx_files import OnnxFile
from genocc.training.trained_net import open_net
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


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("net.pt2", r"a \.pt2 file is compared with PyTorch as it is written"),
        ("net.py", r"Python source has no weights in it"),
        ("net.pth", r"`genocc import-weights` reads checkpoints"),
    ],
)
def test_of_a_file_that_no_runtime_reads_it_is_said_what_does(name: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PK\3\4")
    for read in (open_file, open_net):
        with pytest.raises(TargetError, match=rf"expected an \.onnx, \.xml or \.safetensors file; {reason}"):
            read(tmp_path / name)

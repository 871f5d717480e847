"""Kinds of compiled files, by suffix."""

from __future__ import annotations

from pathlib import Path

from genocc.runtimes.compiled_file import CompiledFile, refuse_others
from genocc.runtimes.nets import NetFile
from genocc.runtimes.onnx_files import OnnxFile
from genocc.runtimes.openvino_files import OpenVinoFile

FILES: dict[str, type[CompiledFile]] = {kind.suffix: kind for kind in (OnnxFile, OpenVinoFile, NetFile)}
"""Suffix -> kind of file."""


def open_file(path: str | Path, where: str | None = None) -> CompiledFile:
    """Reads a compiled file; one with none of the suffixes of ``FILES`` has to be ONNX.

    Raises:
        FileError: It cannot be read.
        TargetError: It is damaged, or of a kind that no runtime reads.
        WeightsError: Its weights are not those of the net that it describes.
    """
    refuse_others(path)
    return FILES.get(Path(path).suffix, OnnxFile).read(path, where or str(path))

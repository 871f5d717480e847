"""The folder of a package: all of its files, each verified, or none."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from genocc.compiler import Compilation, compile
from genocc.errors import FileError, GenoccError, TargetError, quoted
from genocc.files import explained
from genocc.network import NetworkConfig
from genocc.runs.outputs import refuse_overwriting
from genocc.source import Source

from ..drawing.graphviz import draw
from .card import CARD, CELLS, CLASSES, GENOTYPE, LICENSE, ONNX, OPENVINO, SOURCE, WEIGHTS, Facts, card


@dataclass(frozen=True)
class Package:
    """A package that was written.

    Attributes:
        path: The folder.
        compilations: The files of the net, each with its verification.
        files: Names of all files and their sizes in bytes.
    """

    path: Path
    compilations: tuple[Compilation, ...]
    files: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        nets = [compilation.to_dict() for compilation in self.compilations]
        return {"output": str(self.path), "files": self.files, "nets": nets}


def package(
    source: Source,
    output: str | Path,
    config: NetworkConfig | None = None,
    *,
    openvino: bool = False,
    weights: str | Path | None = None,
    license: str | None = None,
) -> Package:
    """Writes the folder of a net: weights, ONNX file, Python source, genotype, diagram, model card, licence.

    Args:
        source: What `genocc.open` returns. A training run has its network, weights, class names, mean and deviation;
            anything else gets the weights given, or untrained ones of seed 0, and the card says so.
        output: The folder, new or empty; it appears only when all files are in it.
        config: The network around the cells; the CIFAR defaults where it is not given.
        openvino: Whether to add files for OpenVINO.
        weights: A safetensors file, for a source that is no training run.
        license: Of the weights, as the Hub names it, such as ``cc-by-4.0``; None: not stated.

    Raises:
        FileError: The folder is not empty, is part of a run, or cannot be written.
        MismatchError: A file does not compute what the net does.
        TargetError: A target or ``dot`` is not available, or the net does not fit a target.
        GenoccError: The source or the weights cannot be read, or do not fit.
    """
    if license is not None and not re.fullmatch(r"[a-z0-9][a-z0-9.+-]{0,60}", license):
        raise GenoccError(f"--license: found {quoted(license)}; expected an identifier such as apache-2.0 or cc-by-4.0")
    if weights is not None and source.provenance:
        raise GenoccError(f"--weights: {source.where} is a training run, whose weights are packaged; leave it out")
    folder = Path(output)
    for name in ("", CARD):  # the folder itself, and what it would be part of
        refuse_overwriting(folder / name, source.where or None, weights)
    facts = Facts.of(source, config, weights, license, openvino)
    with _whole_folder(folder) as place:
        try:  # first: compiling takes minutes, `dot` may be missing, and the largest genotypes are not drawn
            draw(source.genotype, place / CELLS)
        except TargetError as error:
            raise TargetError(f"a package has a diagram of the cells, {CELLS}: {error}") from None
        compilations = _nets(source, config, place, weights, openvino)
        (place / GENOTYPE).write_text(source.genotype.dumps(), encoding="utf-8")
        if facts.class_names:
            (place / CLASSES).write_text(f"{json.dumps(facts.class_names, ensure_ascii=False)}\n", encoding="utf-8")
        (place / LICENSE).write_text(_license_text(), encoding="utf-8")
        (place / CARD).write_text(card(facts, compilations), encoding="utf-8")
        files = {path.name: path.stat().st_size for path in sorted(place.iterdir())}
    return Package(folder, tuple(compilations), files)


def _nets(
    source: Source, config: NetworkConfig | None, place: Path, weights: str | Path | None, openvino: bool
) -> Sequence[Compilation]:
    wanted = {"torch": WEIGHTS, "onnx": ONNX, "python": SOURCE} | ({"openvino": OPENVINO} if openvino else {})
    return [compile(source, config, to=to, output=place / name, weights=weights) for to, name in wanted.items()]


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """Gives a new folder to write into, which takes its place at the end, and leaves nothing if that fails."""
    with explained(folder, "write"):
        if folder.is_symlink() or (folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))):
            raise FileError(f"{folder}: exists already; choose a new or empty folder")
        target = Path(os.path.realpath(folder))
        place = target.with_name(f".{target.name[:30]}.{secrets.token_hex(6)}")
        place.mkdir()
    try:
        yield place
        with explained(folder, "write"):
            if target.exists():
                target.rmdir()  # empty, or something was put there meanwhile: then this fails, and it stays
            place.rename(target)
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(place)


def _license_text() -> str:
    """The licence of genocc, which the source in the package is under."""
    for installed in distributions(name="genocc"):  # a checkout has metadata of its own beside, without the licence
        if text := installed.read_text("licenses/LICENSE"):
            return text
    raise TargetError("genocc is not installed as a package, whose licence a model card needs; pip install it")

"""The folder of a package: whole or not there, and of use to programs that do not know genocc."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base

import genocc
from genocc import Genotype, NetworkConfig
from genocc.errors import FileError, GenoccError, TargetError
from genocc.exporters.package import Package, package
from genocc.exporters.package import folder as folders
from genocc.genotype import MAX_BYTES
from genocc.nn import target_net
from genocc.runtimes.openvino import OPENVINO
from genocc.source import Source
from tests.strategies import crowded

SMALL = NetworkConfig(channels=4, layers=2, input_size=(8, 8))
RUN = """
import json, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "genocc":
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
first, *others = json.load(open(sys.argv[1]))
found = []
for block in others:
    names = {}
    exec(first, names)
    exec(block, names)
    found.append(names["logits"].tolist())
json.dump({"logits": found, "images": names["images"].tolist()}, open("found.json", "w"))
"""


@pytest.fixture(scope="module")
def packaged(training_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Package:
    output = tmp_path_factory.mktemp("package") / "net"
    return package(genocc.open(training_run), output, license="cc-by-4.0")


def check_blocks(folder: Path, training_run: Path, tmp_path: Path) -> None:
    """Runs each block for a runtime in a process without genocc; all give the logits of the trained net."""
    place = tmp_path / "elsewhere"
    shutil.copytree(folder, place)
    pixels = np.random.default_rng(0).integers(0, 256, (9, 14, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(place / "image.png")
    blocks = re.findall(r"^```python\n(.*?)^```", (place / "README.md").read_text("utf-8"), re.M | re.S)
    assert len(blocks) == 4
    if OPENVINO.lacks() is not None:
        blocks = [block for block in blocks if "openvino" not in block]
    (tmp_path / "blocks.json").write_text(json.dumps(blocks))
    command = [sys.executable, "-c", RUN, str(tmp_path / "blocks.json")]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = json.loads((place / "classes.json").read_text("utf-8"))
    found = json.loads((place / "found.json").read_text())

    import torch

    net = target_net.load(training_run / "best.safetensors").eval()
    with torch.no_grad():
        expected = net(torch.tensor(found["images"])).numpy()
    assert done.stdout.splitlines() == [names[int(expected.argmax())]] * (len(blocks) - 1)
    for logits in found["logits"]:
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_the_blocks_of_the_card_run_without_genocc(packaged: Package, training_run: Path, tmp_path: Path) -> None:
    check_blocks(packaged.path, training_run, tmp_path)


@pytest.mark.full
@pytest.mark.skipif(OPENVINO.lacks() is not None, reason="OpenVINO is not installed")
def test_so_do_those_that_read_files_for_openvino(training_run: Path, tmp_path: Path) -> None:
    found = package(genocc.open(training_run), tmp_path / "net", openvino=True)
    assert {"openvino_model.xml", "openvino_model.bin"} <= set(found.files)
    assert 'compile_model("openvino_model.xml"' in (found.path / "README.md").read_text("utf-8")
    check_blocks(found.path, training_run, tmp_path)


def test_its_images_are_those_of_the_evaluation(packaged: Package, tmp_path: Path) -> None:
    from genocc.data.files import decode
    from genocc.provenance import Provenance
    from genocc.weights import metadata

    path = tmp_path / "image.png"
    turned = Image.Exif()
    turned[Base.Orientation] = 6  # of a phone that is held upright; some of its pixels are transparent
    pixels = np.random.default_rng(1).integers(0, 256, (11, 30, 4), dtype=np.uint8)
    Image.fromarray(pixels, "RGBA").save(path, exif=turned)
    block = re.findall(r"^```python\n(.*?)^```", (packaged.path / "README.md").read_text("utf-8"), re.M | re.S)[0]
    names: dict[str, object] = {}
    block = block.replace('"image.png"', repr(str(path))).replace(
        '"classes.json"', repr(str(packaged.path / "classes.json"))
    )
    exec(block, names)
    known = Provenance.from_metadata(metadata(packaged.path / "model.safetensors"), "weights").normalization
    assert known is not None
    expected = (decode(path, (8, 8)).numpy() / 255 - known[0]) / known[1]
    np.testing.assert_allclose(names["images"], expected.transpose(2, 0, 1)[None], rtol=1e-5, atol=1e-5)


def test_what_is_in_it(packaged: Package, training_run: Path) -> None:
    names = {
        "README.md", "LICENSE", "genotype.json", "cells.svg", "classes.json", "model.safetensors", "model.onnx",
        "network.py",
    }  # fmt: skip
    assert {path.name for path in packaged.path.iterdir()} == names == set(packaged.files)
    assert Genotype.load(packaged.path / "genotype.json").hash == genocc.load(training_run).hash
    assert "Apache License" in (packaged.path / "LICENSE").read_text("utf-8")
    assert (packaged.path / "cells.svg").read_text("utf-8", errors="strict")[:MAX_BYTES].count("<svg") == 1
    assert [found.target.name for found in packaged.compilations] == ["torch", "onnx", "python"]
    assert all(found.verification and found.verification.ok for found in packaged.compilations)


def test_a_failure_leaves_nothing(darts_v2: Genotype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> str:
        raise GenoccError("no card")

    monkeypatch.setattr(folders, "card", fails)
    with pytest.raises(GenoccError, match="no card"):
        package(genocc.Source.of(darts_v2), tmp_path / "net", SMALL)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(darts_v2: Genotype, training_run: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    source = genocc.Source.of(darts_v2)
    for taken in ("full", "full/mine.txt", "link"):
        with pytest.raises(FileError, match="exists already; choose a new or empty folder"):
            package(source, tmp_path / taken, SMALL)
    for own in ("checkpoint/net", "checkpoint"):
        with pytest.raises(FileError, match=r"is a file of the run|exists already"):
            package(genocc.open(training_run), training_run / own)
    with pytest.raises(FileError, match="no such folder"):
        package(source, tmp_path / "absent" / "net", SMALL)
    assert {path.name for path in tmp_path.iterdir()} == {"full", "link"}


def test_bad_requests_are_refused_before_any_work(training_run: Path, tmp_path: Path) -> None:
    source = genocc.open(training_run)
    with pytest.raises(GenoccError, match="--license: found 'Do what'; expected an identifier"):
        package(source, tmp_path / "net", license="Do what")
    with pytest.raises(GenoccError, match="is a training run, whose weights are packaged"):
        package(source, tmp_path / "net", weights=training_run / "best.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_cells_that_cannot_be_drawn_are_refused_before_anything_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "_nets", lambda *_: pytest.fail("minutes of work in vain"))
    with pytest.raises(
        TargetError, match=r"^a package has a diagram of the cells, cells\.svg: the diagram has 2,\d+ arr"
    ):
        package(Source.of(crowded(op="conv_1x1")), tmp_path / "net", SMALL)
    assert not list(tmp_path.iterdir())

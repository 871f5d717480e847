"""The OpenVINO target: two files that hold all that is needed, compute the net, and are the same each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import genocc
from genocc import Genotype, NetworkConfig
from genocc.compiler import make_exporter
from genocc.errors import FileError, TargetError
from genocc.exporters import openvino
from genocc.exporters.verification import verify
from genocc.provenance import Provenance
from genocc.runtimes.openvino import OPENVINO
from genocc.runtimes.openvino_files import OpenVinoFile, digest
from genocc.verification import MismatchError
from tests.reference import random_parameters

pytestmark = pytest.mark.skipif(OPENVINO.lacks() is not None, reason=str(OPENVINO.lacks()))

SMALL = NetworkConfig(channels=4, layers=3, input_size=(17, 16))
NORMALIZATION = ((0.4, 0.5, 0.6), (0.2, 0.3, 0.4))


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("openvino") / "net.xml"
    genocc.compile(genocc.load("zoo:darts-v2"), SMALL, to="openvino", output=path, seed=5, verify=False)
    return path


@pytest.mark.parametrize("passes", [None, (), tuple(genocc.passes.PASSES)])
def test_the_files_compute_the_net(passes: tuple[str, ...] | None, darts_v2: Genotype, tmp_path: Path) -> None:
    graph = genocc.lower(darts_v2, SMALL)
    weights: dict[str, Any] = {name: a.astype(np.float32) for name, a in random_parameters(graph).items()}
    path = tmp_path / "net.xml"
    done = genocc.compile(darts_v2, SMALL, to="openvino", output=path, weights=weights, passes=passes)
    assert done.verification is not None
    assert done.verification.ok
    assert {(c.runtime, c.batch) for c in done.verification.comparisons} == {("OpenVINO", n) for n in (1, 2, 7)}
    assert done.size == path.stat().st_size + path.with_suffix(".bin").stat().st_size
    assert verify(path, weights=weights).ok


def test_an_untrained_file_needs_nothing_else(net: Path) -> None:
    found = verify(net)
    assert found.ok
    assert found.max_rel < 1e-5
    assert (found.provider, found.weights) == ("CPU", "untrained weights, seed 5")


def test_the_same_net_gives_the_same_bytes(net: Path, darts_v2: Genotype, tmp_path: Path) -> None:
    """Also as the second of a program, under another name: OpenVINO numbers its nodes, and notes paths."""
    again = tmp_path / "other name.xml"
    genocc.compile(darts_v2, SMALL, to="openvino", output=again, seed=5, verify=False)
    for suffix in (".xml", ".bin"):
        assert again.with_suffix(suffix).read_bytes() == net.with_suffix(suffix).read_bytes()
    assert str(net.parent) not in net.read_text()
    assert "onnx" not in net.read_text()


def test_options_are_in_the_file_and_its_metadata(darts_v2: Genotype, tmp_path: Path) -> None:
    path = tmp_path / "net.xml"
    names = ("a <b>", 'c "d" & e\n', "größer", *(f"class {n}" for n in range(7)))
    done = genocc.compile(
        darts_v2, SMALL, to="openvino", output=path, normalize=NORMALIZATION, uint8_input=True, softmax=True,
        class_names=names,
    )  # fmt: skip
    assert done.verification is not None
    assert done.verification.ok
    found = Provenance.from_metadata(OpenVinoFile.read(path, "net.xml").metadata, "net.xml")
    assert found == done.target.provenance(done.net)  # type: ignore[attr-defined]
    assert (found.class_names, found.normalize, found.uint8_input, found.softmax) == (names, NORMALIZATION, True, True)
    loaded = OPENVINO.load(OpenVinoFile.read(path, "net.xml"))
    assert [port.type for port in (*loaded.inputs, *loaded.outputs)] == ["tensor(uint8)", "tensor(float)"]
    assert loaded.outputs[0].name == "probabilities"


def test_a_changed_weight_is_found(net: Path, tmp_path: Path) -> None:
    weights = np.fromfile(net.with_suffix(".bin"), np.float32)
    weights[:20] *= 1.5
    (tmp_path / "net.xml").write_bytes(net.read_bytes())
    weights.tofile(tmp_path / "net.bin")
    message = r"net\.xml: the \.bin file beside it is not the one that was written with it"
    with pytest.raises(TargetError, match=message):
        verify(tmp_path / "net.xml")
    with pytest.raises(TargetError, match=message):
        OPENVINO.load(OpenVinoFile.read(tmp_path / "net.xml", "net.xml"))
    forged = net.read_text().replace(digest(net.with_suffix(".bin").read_bytes()), digest(weights.tobytes()))
    (tmp_path / "net.xml").write_text(forged)
    assert not verify(tmp_path / "net.xml").ok


def test_a_file_that_differs_is_not_written(
    darts_v2: Genotype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = openvino.OnnxExporter.model

    def wrong(self: Any, net: Any) -> Any:
        made = model(self, net)
        made.graph.initializer[0].raw_data = bytes(len(made.graph.initializer[0].raw_data))
        return made

    monkeypatch.setattr(openvino.OnnxExporter, "model", wrong)
    with pytest.raises(MismatchError):
        genocc.compile(darts_v2, SMALL, to="openvino", output=tmp_path / "net.xml")
    assert not list(tmp_path.iterdir())


def test_where_it_cannot_be_written(net: Path, darts_v2: Genotype, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"-: target 'openvino' writes two files; name the \.xml file"):
        genocc.compile(darts_v2, SMALL, to="openvino", output="-")
    with pytest.raises(FileError, match=r"target 'openvino' writes \.xml files; found suffix '\.onnx'"):
        genocc.compile(darts_v2, SMALL, to="openvino", output=tmp_path / "net.onnx")
    weights = tmp_path / "net.bin"  # as unusual a name as that is for weights
    genocc.compile(darts_v2, SMALL, to="torch", output=tmp_path / "w.safetensors", verify=False)
    (tmp_path / "w.safetensors").rename(weights)
    with pytest.raises(FileError, match=r"net\.bin: is also an input of this command"):
        genocc.compile(darts_v2, SMALL, to="openvino", output=tmp_path / "net.xml", weights=weights)


def test_without_openvino_the_target_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        type(OPENVINO), "lacks", lambda self, provider="cpu": "OpenVINO is not installed: pip install it"
    )
    with pytest.raises(TargetError, match=r"^OpenVINO is not installed"):
        make_exporter("openvino")

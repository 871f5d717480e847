"""The .pt2 target: what a program computes, where it runs, and that its file tells nothing about this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from genocc import Genotype, NetworkConfig, lower
from genocc.compiler import compile, compile_net
from genocc.errors import TargetError
from genocc.exporters.pt2 import Pt2Exporter
from tests.reference import evaluate, random_image, random_parameters

CONFIG = NetworkConfig(channels=2, layers=3, classes=5, input_size=(15, 18))


@pytest.fixture(scope="module")
def arrays(darts_v2: Genotype) -> dict[str, np.ndarray]:
    found = random_parameters(lower(darts_v2, CONFIG))
    return {name: array.astype(np.float32) for name, array in found.items()}


@pytest.fixture(scope="module")
def program(darts_v2: Genotype, arrays: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pt2") / "net.pt2"
    done = compile(darts_v2, CONFIG, to="pt2", output=path, weights=arrays)
    assert done.verification is not None
    assert done.verification.ok
    assert "fold-batch-norm" in done.net.passes
    return path


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_a_program_computes_the_net_for_any_batch(
    darts_v2: Genotype, arrays: dict[str, np.ndarray], program: Path, batch: int
) -> None:
    graph = lower(darts_v2, CONFIG)
    image = random_image(graph, batch)
    expected = evaluate(graph, arrays, image)["logits"]
    found = torch.export.load(program).module()(torch.from_numpy(image).float()).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_a_program_runs_without_genocc(program: Path) -> None:
    code = (
        "import sys; sys.modules['genocc'] = None\n"
        "import torch\n"
        f"net = torch.export.load({str(program)!r}).module()\n"
        "print(tuple(net(torch.randn(4, 3, 15, 18)).shape))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=program.parent)
    assert done.stdout.strip() == "(4, 5)"


def test_the_file_says_where_it_comes_from(darts_v2: Genotype, program: Path) -> None:
    texts = {"genotype": "", "network": "", "passes": "", "trained": ""}
    torch.export.load(program, extra_files=texts)
    assert Genotype.loads(texts["genotype"]) == darts_v2
    assert NetworkConfig.make(**json.loads(texts["network"])) == CONFIG
    assert texts["passes"].split(",") == list(Pt2Exporter.passes)
    assert texts["trained"] == "true"


def test_the_file_is_the_same_each_time_and_has_no_path_in_it(
    darts_v2: Genotype, arrays: dict[str, np.ndarray], program: Path, tmp_path: Path
) -> None:
    compile(darts_v2, CONFIG, to="pt2", output=tmp_path / "other.pt2", weights=arrays, verify=False)
    assert (tmp_path / "other.pt2").read_bytes() == program.read_bytes()
    with zipfile.ZipFile(program) as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    for place in (Path(__file__).parents[2], Path(torch.__file__).parent, program.parent):
        assert str(place).encode() not in content


def test_convolutions_are_pytorchs_own(program: Path) -> None:
    with zipfile.ZipFile(program) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("models/model.json"))
        text = archive.read(name).decode()
    assert "torch.nn.modules.conv.Conv2d" in text
    assert "SlicedConv2d" not in text
    assert "aten.slice" not in text


def test_deployment_options_are_in_the_program(
    darts_v2: Genotype, arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    target = Pt2Exporter(
        normalize=((0.4, 0.5, 0.6), (0.2, 0.25, 0.3)), uint8_input=True, softmax=True, class_names=tuple("abcde")
    )
    path = tmp_path / "net.pt2"
    done = compile(darts_v2, CONFIG, to=target, output=path, weights=arrays)
    assert done.verification is not None
    assert done.verification.ok
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, 15, 18), dtype=np.uint8)
    mean, std = (np.array(values)[:, None, None] for values in target.normalize or ())
    logits = evaluate(lower(darts_v2, CONFIG), arrays, (pixels / 255 - mean) / std)["logits"]
    powers = np.exp(logits - logits.max(1, keepdims=True))
    texts = {"class_names": "", "mean": ""}
    found = torch.export.load(path, extra_files=texts).module()(torch.from_numpy(pixels)).detach().numpy()
    np.testing.assert_allclose(found, powers / powers.sum(1, keepdims=True), atol=1e-4)
    assert json.loads(texts["class_names"]) == list("abcde")
    assert json.loads(texts["mean"]) == [0.4, 0.5, 0.6]


def test_verification_sees_a_wrong_weight(
    darts_v2: Genotype, arrays: dict[str, np.ndarray], program: Path, tmp_path: Path
) -> None:
    changed = {**arrays, "cells.1.pre1.conv.weight": arrays["cells.1.pre1.conv.weight"] * 1.01}
    net = compile_net(darts_v2, CONFIG, weights=changed, passes=Pt2Exporter.passes)
    assert not Pt2Exporter().verify(net, program, "cpu").ok


def test_a_provider_that_cannot_be_had_is_an_error(
    darts_v2: Genotype, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    net = compile_net(darts_v2, CONFIG)
    with pytest.raises(TargetError, match="no CUDA device"):
        Pt2Exporter().verify(net, program, "cuda")
    with pytest.raises(TargetError, match="expected one of cpu, cuda"):
        Pt2Exporter().verify(net, program, "tpu")

"""What people hand to the library's functions: NumPy's numbers and arrays, paths, and values of the wrong kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

import genocc
from genocc import GenoccError, NetworkConfig
from genocc.compiler import make_exporter
from genocc.provenance import Provenance
from genocc.runs.loop import choose_device

GENOTYPE: Any = genocc.load("zoo:darts-v2")
SMALL = NetworkConfig(channels=4, layers=2)
NAMES = [f"class {number}" for number in range(10)]


def compiled(path: Path, **arguments: Any) -> bytes:
    genocc.compile(GENOTYPE, SMALL, to="onnx", output=path, verify=False, **arguments)
    return path.read_bytes()


def test_numpys_numbers_are_numbers(tmp_path: Path) -> None:
    same = compiled(tmp_path / "a.onnx", seed=3, batch=2)
    assert compiled(tmp_path / "b.onnx", seed=np.int64(3), batch=np.int32(2)) == same
    assert NetworkConfig(channels=np.int64(4), layers=np.int32(2), input_size=(np.int64(32), 32)) == SMALL


def test_arrays_generators_and_lists_are_sequences(tmp_path: Path) -> None:
    mean, std = (0.5, 0.25, 0.125), (0.5, 1.0, 0.75)
    same = compiled(tmp_path / "a.onnx", class_names=tuple(NAMES), normalize=(mean, std))
    for number, (names, normalize) in enumerate(
        [
            (NAMES, [list(mean), list(std)]),
            ((name for name in NAMES), (np.float32(mean), np.float64(std))),
            (np.array(NAMES), np.array([mean, std])),
        ]
    ):
        assert compiled(tmp_path / f"{number}.onnx", class_names=names, normalize=normalize) == same
    texts = {entry.key: entry.value for entry in onnx.load_from_string(same).metadata_props}
    described = Provenance.from_metadata(texts, "a.onnx")
    assert described.class_names == tuple(NAMES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "--seed: found -1; expected a whole number from 0 to 9,223,372,036,854,775,807$"),
        ({"seed": 1 << 63}, "--seed: found 9223372036854775808; expected a whole number from 0"),
        ({"seed": 3.5}, "--seed: found 3.5; expected a whole number"),
        ({"seed": True}, "--seed: found True; expected a whole number"),
        ({"batch": "2"}, "--batch: found '2'; expected a whole number from 1 to 65,536$"),
        ({"class_names": "abcdefghij"}, r"--class-names: found 'abcdefghij' \(str\); expected a list of texts$"),
        ({"class_names": range(10)}, "--class-names: found .*; expected a list of texts$"),
        ({"normalize": "run"}, "normalize: found 'run'; expected the mean and the deviation of each channel$"),
        ({"passes": "fold-batch-norm"}, r"expected a list of names, such as \['fold-batch-norm'\]$"),
        ({"weights": [1, 2]}, r"weights: found \[1, 2\] \(list\); expected a safetensors file, or arrays by name$"),
    ],
)
def test_compile_refuses(arguments: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(GenoccError, match=message):
        compiled(tmp_path / "net.onnx", **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("target", ["onnx", "openvino", "torch", "pt2"])
def test_every_target_with_class_names_refuses_a_text(target: str) -> None:
    with pytest.raises(GenoccError, match="--class-names: found 'abcdefghij'"):
        make_exporter(target, class_names="abcdefghij")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda wrong: genocc.compile(GENOTYPE, SMALL, to="torch", output=wrong), r"output: found 3 \(int\)"),
        (lambda wrong: genocc.compile(GENOTYPE, wrong, to="torch", output="net.safetensors"), "config: found 3"),
        (lambda wrong: genocc.count(GENOTYPE, wrong), r"config: found 3 \(int\); expected a NetworkConfig$"),
        (lambda wrong: genocc.diff(GENOTYPE, wrong), "genotype: found 3 .* expected a Genotype"),
        (genocc.load, r"GENOTYPE: found 3 \(int\); expected a file, a run folder, '-' or zoo:NAME$"),
        (lambda wrong: genocc.load(GENOTYPE), r"GENOTYPE: found .* \(Genotype\); expected a file"),
        (lambda wrong: genocc.evaluate(wrong), r"net: found 3 \(int\); expected a path$"),
        (lambda wrong: genocc.evaluate("net.onnx", batch=wrong - 3), "--batch: found 0; expected .*, 1 or more$"),
        (lambda wrong: genocc.train(GENOTYPE, data=wrong), "data: found 3 .* expected a data set's name, or a folder$"),
        (lambda wrong: genocc.train(wrong, data="digits"), r"GENOTYPE: found 3 \(int\)"),
        (lambda wrong: genocc.train(GENOTYPE, overrides="seed=1"), "overrides: found 'seed=1' .* expected a list of"),
        (lambda wrong: genocc.search(overrides="seed=1"), "overrides: found 'seed=1' .* expected a list of texts$"),
        (lambda wrong: genocc.search(method=wrong), "method: found 3; expected the name of a method, or a class"),
        (lambda wrong: genocc.search(method=int), "method: found <class 'int'>; expected the name of a method"),
        (
            lambda wrong: genocc.search("out", engine="local", seeds=2),
            "engine: found 'local'; expected what genocc.eng",
        ),
        (lambda wrong: genocc.search("out", engine="local"), "engine: found 'local'; expected what genocc.engines"),
    ],
)
def test_the_others_refuse(
    call: Callable[[Any], object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GenoccError, match=message):
        call(3)
    assert not list(tmp_path.iterdir())


def test_what_open_returns_is_compared_and_trained(tmp_path: Path) -> None:
    source = genocc.open("zoo:darts-v2")
    assert genocc.diff(source, GENOTYPE).same
    settings = ["data.training=40", "schedule.batch_size=20"]
    trained = genocc.train(
        source,
        tmp_path / "run",
        data="digits",
        epochs=np.int64(1),
        overrides=settings,
        network={"channels": 4, "layers": 2},
    )
    assert trained.genotype == GENOTYPE


def test_a_folder_of_images_is_a_path_too(tmp_path: Path) -> None:
    with pytest.raises(GenoccError, match=str(tmp_path / "pictures")):
        genocc.train(GENOTYPE, tmp_path / "run", data=tmp_path / "pictures")


def test_a_device_of_pytorchs() -> None:
    assert choose_device(torch.device("cpu")) == torch.device("cpu")
    with pytest.raises(GenoccError, match="device 'cuda:7' is not available here"):
        choose_device(torch.device("cuda:7"))

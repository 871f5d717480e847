"""The compiler: each step of a compile is taken once, and a training run says what it knows."""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genocc
from genocc import Genotype, NetworkConfig, files, lowering, weights
from genocc.compiler import compile_net, make_exporter
from genocc.errors import FileError, GenoccError, NetworkError, TargetError
from genocc.initialization import _initial
from genocc.provenance import Provenance
from genocc.targets import exporter, exporters
from tests.cli.commands import run

SMALL = NetworkConfig(channels=4, layers=3, input_size=(16, 16))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often nets are lowered, sizes checked and temporary files made."""
    counter: Counter[str] = Counter()

    def counted(name: str, function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            counter[name] += 1
            return function(*arguments, **options)

        return call

    onnx = exporter("onnx")
    monkeypatch.setattr(lowering, "_check_cells", counted("lowerings", lowering._check_cells))
    monkeypatch.setattr(onnx, "check_size", counted("size checks", onnx.check_size))
    for module, name in ((tempfile, "mkstemp"), (files, "_replace")):
        monkeypatch.setattr(module, name, counted("files", getattr(module, name)))
    return counter


@pytest.mark.parametrize("verify", [True, False])
def test_onnx_takes_one_lowering_one_size_check_and_one_file(
    verify: bool, calls: Counter[str], darts_v2: Genotype, tmp_path: Path
) -> None:
    genocc.compile(darts_v2, SMALL, to="onnx", output=tmp_path / "net.onnx", verify=verify)
    assert calls == {"lowerings": 1, "size checks": 1, "files": 1}


@pytest.mark.parametrize(("target", "number"), [("pt2", 1), ("torch", 2), ("python", 2)])
def test_other_targets_lower_twice_at_most(
    target: str, number: int, calls: Counter[str], darts_v2: Genotype, tmp_path: Path
) -> None:
    """Python source is written from the training net; what a file of weights describes is lowered to verify it."""
    genocc.compile(darts_v2, SMALL, to=target, output=tmp_path / f"net{exporter(target).suffix}")
    assert calls["lowerings"] == number


def test_the_command_lowers_no_more_than_the_function(calls: Counter[str], tmp_path: Path) -> None:
    options = ("--channels", 4, "--layers", 3, "--no-verify")
    assert run("compile", "zoo:darts-v2", "--to", "onnx", "-o", tmp_path / "x.onnx", *options).exit_code == 0
    assert calls["lowerings"] == 1


def test_initial_weights_are_made_when_they_are_read(darts_v2: Genotype, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def initial(node: Any, name: str, *rest: Any) -> Any:
        made.append(name)
        return _initial(node, name, *rest)

    monkeypatch.setattr("genocc.initialization._initial", initial)
    net = compile_net(darts_v2, SMALL, passes=exporter("onnx").passes)
    assert not made
    array = net.parameters["classifier.linear.bias"]
    assert made == ["classifier.linear.bias"]
    assert array is net.weights["classifier.linear.bias"]


TRAINED: list[tuple[str, dict[str, Any]]] = [("onnx", {"uint8_input": True}), ("torch", {}), ("python", {})]


@pytest.mark.parametrize(("target", "options"), TRAINED, ids=[target for target, _ in TRAINED])
def test_a_notebook_gets_what_the_command_writes_of_a_training(
    target: str, options: dict[str, Any], training_run: Path, tmp_path: Path
) -> None:
    ours, theirs = (tmp_path / f"{name}{exporter(target).suffix}" for name in ("function", "command"))
    compiled = genocc.compile(genocc.open(training_run), to=target, output=ours, verify=False, **options)
    flags = [f"--{name.replace('_', '-')}" for name in options]
    assert run("compile", training_run, "--to", target, "-o", theirs, "--no-verify", *flags).exit_code == 0
    assert ours.read_bytes() == theirs.read_bytes()
    assert compiled.net.trained
    assert (compiled.net.config.channels, compiled.net.config.auxiliary) == (4, False)


def test_a_training_has_one_network_one_normalization_and_its_weights(training_run: Path, tmp_path: Path) -> None:
    source, output = genocc.open(training_run), tmp_path / "net.onnx"
    with pytest.raises(NetworkError, match=r"channels: found 8; the net that was trained in .* has 4\. Leave it out"):
        genocc.compile(source, NetworkConfig(channels=8), to="onnx", output=output)
    with pytest.raises(TargetError, match="the net was trained with"):
        genocc.compile(source, to="onnx", output=output, normalize=((0.4,) * 3, (0.2,) * 3))
    with pytest.raises(GenoccError, match="--seed is of an initialization"):
        genocc.compile(source, to="onnx", output=output, seed=1)
    assert not output.exists()


def test_weights_whose_file_says_that_they_are_untrained_are_not_called_trained(
    darts_v2: Genotype, training_run: Path, tmp_path: Path
) -> None:
    made, output = tmp_path / "made.safetensors", tmp_path / "net.onnx"
    genocc.compile(darts_v2, SMALL, to="torch", output=made, seed=3)
    found = genocc.compile(darts_v2, SMALL, to="onnx", output=output, weights=made)
    assert found.to_dict()["weights"] == "untrained weights, seed 3"
    assert run("verify", output).exit_code == 0  # which makes them from the seed
    arrays = weights.load(made)
    assert compile_net(darts_v2, SMALL, weights=arrays).trained  # of which nothing is known
    assert compile_net(genocc.open(training_run), weights=training_run / "last.safetensors").trained


def test_outputs_that_are_read_or_have_another_suffix_are_refused(darts_v2: Genotype, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    darts_v2.save(path)
    with pytest.raises(FileError, match="is also an input of this command"):
        genocc.compile(genocc.open(path), SMALL, to="onnx", output=path)
    with pytest.raises(FileError, match=r"net\.pt: target 'onnx' writes \.onnx files; found suffix '\.pt'"):
        genocc.compile(darts_v2, SMALL, to="onnx", output=tmp_path / "net.pt")
    assert genocc.load(path) == darts_v2


def test_arguments_that_exclude_each_other(darts_v2: Genotype, tmp_path: Path) -> None:
    output = tmp_path / "net.onnx"
    with pytest.raises(GenoccError, match="--passes and --optimize exclude each other"):
        genocc.compile(darts_v2, SMALL, to="onnx", output=output, passes=[], optimize=2)
    with pytest.raises(GenoccError, match="--provider says where the verification runs"):
        genocc.compile(darts_v2, SMALL, to="onnx", output=output, verify=False, provider="cpu")
    assert not output.exists()


def test_images_that_no_memory_holds_are_refused(darts_v2: Genotype, tmp_path: Path) -> None:
    huge = NetworkConfig(channels=64, layers=2, input_size=(8192, 8192))
    with pytest.raises(
        NetworkError, match=r"7 images of 3x8192x8192 need \d+\.\d GiB of memory in this net; at most 4 GiB"
    ):
        genocc.compile(darts_v2, huge, to="torch", output=tmp_path / "net.safetensors")


@pytest.mark.parametrize("target", sorted(exporters()))
def test_the_state_of_the_program_around_is_left_alone(target: str, darts_v2: Genotype, tmp_path: Path) -> None:
    config = NetworkConfig(channels=4, layers=2, input_size=(8, 8))
    suffix = exporter(target).suffix
    genocc.compile(darts_v2, config, to=target, output=tmp_path / f"first{suffix}")  # what libraries do once is done

    def state() -> tuple[Any, ...]:
        numbers = np.random.get_state()
        return (
            (sys.stdout, sys.stderr, Path.cwd(), dict(os.environ), list(warnings.filters), torch.get_num_threads()),
            (torch.get_rng_state().tolist(), random.getstate(), numbers[1].tolist(), numbers[2]),
            (torch.get_default_dtype(), torch.is_grad_enabled(), signal.getsignal(signal.SIGINT)),
        )

    before = state()
    genocc.compile(darts_v2, config, to=target, output=tmp_path / f"second{suffix}")
    assert state() == before


def test_weights_of_a_file_that_was_never_trained_are_not_called_trained(darts_v2: Genotype, tmp_path: Path) -> None:
    config, file = NetworkConfig(channels=4, layers=3, classes=3), tmp_path / "w.safetensors"
    genocc.compile(darts_v2, config, to="torch", output=file, seed=5, verify=False)
    net = compile_net(darts_v2, config, weights=file)
    assert net.provenance().weights == "untrained weights, seed 5"
    arrays, texts = weights.load(file), weights.metadata(file)
    weights.save({**arrays, "stem.conv.weight": 2 * arrays["stem.conv.weight"]}, file, texts)
    assert compile_net(darts_v2, config, weights=file).provenance().weights == "trained weights", "by another program"


def test_weights_bring_what_their_file_knows_of_the_training(training_run: Path, tmp_path: Path) -> None:
    run, output = genocc.open(training_run), tmp_path / "net.safetensors"
    assert run.provenance is not None
    config = run.provenance.config.model_copy(update={"auxiliary": False})
    alone, best = genocc.load(training_run / "genotype.json"), training_run / "best.safetensors"
    genocc.compile(alone, config, to="torch", output=output, weights=best, verify=False)
    found = Provenance.from_metadata(weights.metadata(output), "net")
    assert found.class_names == run.provenance.class_names
    assert found.normalization == run.provenance.normalization
    assert found.class_names
    other = ((0.4,) * 3, (0.2,) * 3)
    with pytest.raises(TargetError, match="the net was trained with"):
        genocc.compile(alone, config, to="onnx", output=tmp_path / "n.onnx", weights=best, normalize=other)
    names = run.provenance.class_names
    for turned in ((*names[:2], names[3], names[2], *names[4:]), (names[1], "b", *names[2:])):
        with pytest.raises(TargetError, match=r"--class-names: class [02] is 'colour \d', which is class [13] of"):
            genocc.compile(run, to="onnx", output=tmp_path / "n.onnx", class_names=turned)
    called = ("zero", *names[1:])
    assert getattr(make_exporter("onnx", run, class_names=called), "class_names", None) == called
    weights.save(weights.load(best), tmp_path / "w.safetensors", Provenance(alone, config).to_metadata())
    unsaid = genocc.open(training_run / "genotype.json"), tmp_path / "w.safetensors"
    assert getattr(make_exporter("onnx", *unsaid, normalize=other), "normalize", None) == other

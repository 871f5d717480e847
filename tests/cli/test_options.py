"""Options that several commands share: the network around a genotype."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import genocc
from genocc import NetworkConfig
from genocc.cli.options import network_option
from genocc.errors import GenoccError, NetworkError
from genocc.source import open
from tests.cli.commands import error, run

GIVEN: dict[str, None] = dict.fromkeys(("skeleton", "channels", "layers", "classes", "input_channels"))


def test_network_options_reach_the_network() -> None:
    options = ["--channels", "8", "--layers", "6", "--classes", "7", "--input-size", "20x24", "--input-channels", "1"]
    network = json.loads(run("count", "zoo:darts-v2", *options, "--stem-stride", "2", "--json").output)["network"]
    assert network["channels"] == 8
    assert network["layers"] == 6
    assert network["classes"] == 7
    assert network["input_size"] == [20, 24]
    assert network["input_channels"] == 1
    assert network["stem_stride"] == 2


@pytest.mark.parametrize(("text", "size"), [("20x24", (20, 24)), ("33", (33, 33)), (None, (32, 32))])
def test_sizes(text: str | None, size: tuple[int, int]) -> None:
    assert network_option(open("zoo:darts-v2"), input_size=text, **GIVEN) == NetworkConfig(input_size=size)


@pytest.mark.parametrize("text", ["32,32", "x32", "32x", "-3", "3x3x3", "1" * 10])
def test_texts_that_are_no_size(text: str) -> None:
    with pytest.raises(NetworkError, match=r"--input-size: found '.*'; expected HxW such as 32x32, or one number"):
        network_option(open("zoo:darts-v2"), input_size=text, **GIVEN)


def test_errors_name_the_option() -> None:
    with pytest.raises(NetworkError, match=r"^--stem-stride 3 does not exist in skeleton 'cifar'; expected 1, 2"):
        network_option(open("zoo:darts-v2"), stem_stride=3)
    with pytest.raises(NetworkError, match=r"^--input-channels: found 0"):
        network_option(open("zoo:darts-v2"), input_channels=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--channels", 8), "--channels: found 8; the net that was trained in"),
        (("--classes", 3), "--classes: found 3; the net that was trained in"),
        (("--input-size", 16), "--input-size: found 16x16; the net that was trained in"),
        (("--normalize", "0.4,0.2"), "the net was trained with ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))"),
        (("--class-names", "a,b"), "found 2 class names; the net has 10 classes"),
    ],
)
def test_options_that_contradict_the_run_are_refused(
    training_run: Path, tmp_path: Path, options: tuple[object, ...], message: str
) -> None:
    assert message in error("compile", training_run, "--to", "onnx", "-o", tmp_path / "net.onnx", *options)
    assert not (tmp_path / "net.onnx").exists()
    assert run("count", training_run, "--channels", 4, "--layers", 3).exit_code == 0  # which is what it has


@pytest.mark.parametrize(
    "arguments",
    [
        ("count", "a\0b"),
        ("compile", "zoo:darts-v2", "--to", "onnx", "-o", "\0.onnx"),
        ("train", "zoo:darts-v2", "--data", "\0", "--out", "x"),
        ("search", "--set=space=\0"),
        ("sample", "-o", "a\0"),
        ("zoo", "show", "\0"),
        ("--version", "\0"),
    ],
)
def test_a_nul_character_is_one_line_whatever_the_argument(arguments: tuple[str, ...]) -> None:
    said = error(*arguments)
    assert said.endswith("', with a NUL character, which no name has; leave it out")
    assert "\\x00" in said
    assert "Path" not in said


def test_a_name_that_no_file_can_have_is_quoted_as_text(tmp_path: Path) -> None:
    for call in (genocc.load, lambda name: genocc.load("zoo:darts-v2").save(name)):
        for name in ("a\0b", Path("a\0b")):
            with pytest.raises(GenoccError, match=r"^'a\\x00b': cannot (read|write): no file can have this name$"):
                call(name)

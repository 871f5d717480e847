"""Deployment options as texts of the command line."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest

from genocc import Genotype, NetworkConfig
from genocc.cli.deployment import class_names_option, normalize_option
from genocc.errors import FileError, TargetError
from genocc.provenance import Provenance
from tests.cli.test_compile import SMALL, run


@pytest.mark.parametrize("text", ["1,2,3,4", "1,2/3,4", "1 2:3 4", " 1; 2, 3 ; 4 "])
def test_means_come_before_deviations_whatever_separates_them(text: str) -> None:
    assert normalize_option(text, 2) == ((1.0, 2.0), (3.0, 4.0))


def test_one_of_each_stands_for_all_channels() -> None:
    assert normalize_option("0.5,0.25", 3) == ((0.5,) * 3, (0.25,) * 3)
    assert normalize_option("0.5,0.25", 1) == ((0.5,), (0.25,))


@pytest.mark.parametrize("text", ["", "half,0.2", "1", "1,2,3", "1,2,3,4,5,6,7,8"])
def test_other_texts_say_what_is_expected(text: str) -> None:
    with pytest.raises(TargetError, match=r"expected 4 numbers, MEAN,MEAN,STD,STD, or MEAN,STD"):
        normalize_option(text, 2)


def test_run_stands_for_what_the_net_was_trained_with(darts_v2: Genotype) -> None:
    known = Provenance(darts_v2, NetworkConfig(), normalization=((0.1,), (0.2,)))
    assert normalize_option("run", 1, known) == ((0.1,), (0.2,))
    for unknown in (None, Provenance(darts_v2, NetworkConfig())):
        with pytest.raises(TargetError, match="--normalize run: GENOTYPE is no training run; give the numbers"):
            normalize_option("run", 1, unknown)


def test_class_names_are_a_list_or_the_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "names,with comma.txt"
    path.write_text("black cat\n dog \n\n")
    assert class_names_option(str(path)) == ("black cat", "dog")
    assert class_names_option("black cat, dog") == ("black cat", "dog")
    with pytest.raises(FileError, match="no such file"):
        class_names_option("dog")
    path.write_text("cat\n\ndog")
    with pytest.raises(TargetError, match="name 2 is ''; expected printable characters"):
        class_names_option(str(path))


@pytest.mark.parametrize(
    ("text", "mean", "std"),
    [
        ("0.1,0.2,0.3,0.4,0.5,0.6", [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]),
        ("0.1,0.2,0.3/0.4,0.5,0.6", [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]),
        ("0.5,0.25", [0.5] * 3, [0.25] * 3),
    ],
)
def test_normalize_and_class_names_reach_the_file(
    text: str, mean: list[float], std: list[float], tmp_path: Path
) -> None:
    path, names = tmp_path / "net.onnx", tmp_path / "names.txt"
    names.write_text("\n".join(f"class {number}" for number in range(10)))
    run("compile", "zoo:darts-v2", "--to", "onnx", "-o", path, *SMALL, "--normalize", text, "--class-names", names)
    found = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert json.loads(found["mean"]) == mean
    assert json.loads(found["std"]) == std
    assert json.loads(found["class_names"])[3] == "class 3"
    run("verify", path)

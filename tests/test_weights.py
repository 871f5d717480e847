"""Weights on disk: any arrays come back, the bytes are the same each time, and what does not fit is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load as reference_load
from safetensors.numpy import save_file

from genocc import weights
from genocc.errors import FileError, WeightsError
from genocc.graph import Graph, GraphBuilder
from genocc.primitives import BatchNorm, Conv2d, Input


def test_tensors_of_a_state_dict_are_arrays() -> None:
    values = {
        "half": torch.ones(2, dtype=torch.bfloat16, requires_grad=True), "float": torch.nn.Parameter(torch.ones(2)),
        "double": torch.ones(2, dtype=torch.float64), "array": np.ones(2), "list": [1, 1],
    }  # fmt: skip
    found = weights.as_arrays(values)
    assert {name: (array.dtype, array.tolist()) for name, array in found.items()} == dict.fromkeys(
        values, (np.dtype("float32"), [1.0, 1.0])
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones(1, complex), "tensor 'a' is complex128; expected floats"),
        (["one"], "tensor 'a' is <U3; expected floats"),
        (np.array([1e300, 1]), r"tensor 'a' has values beyond float32, up to 1e\+300"),
    ],
)
def test_arrays_that_are_no_weights_are_named(value: Any, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        weights.as_arrays({"a": value})


names = st.text("abc.\u00e4", min_size=1, max_size=6)
shapes = st.lists(st.integers(0, 3), max_size=3).map(tuple)


@settings(max_examples=40)
@given(st.dictionaries(names, shapes, max_size=4), st.dictionaries(names, st.text(max_size=9), max_size=3))
def test_arrays_and_texts_come_back(
    tmp_path_factory: pytest.TempPathFactory, found: dict[str, tuple[int, ...]], texts: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("w") / "w.safetensors"
    random = np.random.default_rng(0)
    arrays = {name: random.standard_normal(shape).astype(np.float32) for name, shape in found.items()}
    weights.save(arrays, path, texts)
    first = path.read_bytes()
    weights.save(dict(reversed(arrays.items())), path, dict(reversed(texts.items())))
    assert path.read_bytes() == first
    for loaded in (weights.load(path), reference_load(first)):
        assert loaded.keys() == arrays.keys()
        assert all(np.array_equal(loaded[name], array) for name, array in arrays.items())
    assert weights.metadata(path) == texts
    assert (8 + int.from_bytes(first[:8], "little")) % 8 == 0


def test_texts_are_in_order_and_readable_in_the_header(tmp_path: Path) -> None:
    weights.save({"b": np.ones(2, np.float32)}, tmp_path / "w", {"z": "last", "a": "gr\u00f6\u00dfe"})
    content = (tmp_path / "w").read_bytes()
    header = content[8 : 8 + int.from_bytes(content[:8], "little")].decode()
    assert list(json.loads(header)["__metadata__"]) == ["a", "z"]
    assert "gr\u00f6\u00dfe" in header


def test_views_that_pytorch_negates_when_they_are_read_are_arrays() -> None:
    negated = torch.complex(torch.zeros(2), torch.tensor([0.5, -2])).conj().imag
    assert negated.is_neg()
    assert weights.as_arrays({"x": negated})["x"].tolist() == [-0.5, 2]


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_become_float32(tmp_path: Path, dtype: type) -> None:
    save_file({"x": np.array([0.5, -2], dtype)}, tmp_path / "w.safetensors")
    (array,) = weights.load(tmp_path / "w.safetensors").values()
    assert array.dtype == np.float32
    assert array.tolist() == [0.5, -2]


def test_what_is_no_float_is_named(tmp_path: Path) -> None:
    save_file({"x": np.ones(2, np.int64)}, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"w\.safetensors: tensor 'x' is I64; expected F32 or F16 or F64"):
        weights.load(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("x", [1, np.inf], "has values that are NaN or infinite: the file is damaged, or its training diverged"),
        ("x", [np.nan, 1e300], "has values that are NaN or infinite"),
        ("bn.running_var", [1, -0.5], r"has values below 0, down to -0\.5; they are variances"),
    ],
)
def test_weights_of_which_every_image_becomes_nan_are_refused(
    name: str, values: list[float], message: str, tmp_path: Path
) -> None:
    save_file({name: np.array(values, np.float32 if "var" in name else np.float64)}, tmp_path / "w.safetensors")
    for read in (lambda: weights.load(tmp_path / "w.safetensors"), lambda: weights.as_arrays({name: values})):
        with pytest.raises(WeightsError, match=rf"tensor '{name}' {message}"):
            read()


def test_values_beyond_float32_are_refused(tmp_path: Path) -> None:
    save_file({"x": np.array([1, -1e300])}, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"tensor 'x' has values beyond float32, up to 1e\+300"):
        weights.load(tmp_path / "w.safetensors")


def test_what_is_no_file_of_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    for name, message in (("text", "not a safetensors file"), ("missing", "no such file"), (".", "is a directory")):
        for read in (weights.load, weights.metadata):
            with pytest.raises(FileError, match=message):
                read(tmp_path / name)


def net() -> Graph:
    b = GraphBuilder()
    x = b.add("stem.conv", Conv2d(4, (1, 1)), b.add("image", Input(3, 2, 2)))
    return b.build(y=b.add("stem.bn", BatchNorm(), x))


def fitting() -> dict[str, Any]:
    return {name: np.zeros(shape) for name, shape in {**net().parameters(), **net().buffers()}.items()}


def test_arrays_that_fit_may_have_an_auxiliary_head_besides() -> None:
    weights.check(fitting(), net())
    weights.check({**fitting(), "auxiliary.conv1.weight": np.zeros(1)}, net())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stem.conv.weight": None}, r"here: tensor 'stem\.conv\.weight' \(4, 3, 1, 1\) is missing"),
        ({"stem.bn.running_var": None}, r"'stem\.bn\.running_var' \(4,\) is missing"),
        ({"stem.bn.bias": np.zeros(5)}, r"'stem\.bn\.bias' has shape \(5,\); expected \(4,\)"),
        ({"auxiliary_head.bias": np.zeros(1)}, r"'auxiliary_head\.bias' has no place in this net"),
        ({"a": np.zeros(1), "b": np.zeros(1)}, r"'a' \(and 1 more\) has no place in this net"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(change: dict[str, Any], message: str) -> None:
    arrays = {name: array for name, array in {**fitting(), **change}.items() if array is not None}
    with pytest.raises(WeightsError, match=message):
        weights.check(arrays, net(), "here")

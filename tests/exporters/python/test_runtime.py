"""The code that every Python source has a copy of: reading weights, drop path."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from genocc import Genotype, zoo
from genocc.exporters.python import runtime as python_runtime
from genocc.exporters.python.exporter import source
from genocc.nn.target_net import TargetNet, save
from genocc.provenance import wiring
from tests.exporters.python.python_files import SMALL, TINY, run


@pytest.fixture(scope="module")
def module() -> Any:
    return run(source(zoo.load("darts-v2"), TINY))


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return dict(TargetNet(zoo.load("darts-v2"), TINY, seed=5).state_dict())


def loaded(module: Any, source: Any) -> dict[str, Tensor]:
    net: nn.Module = module.Network()
    module.load_weights(net, source)
    return {name: tensor for name, tensor in net.state_dict().items() if not name.endswith("num_batches_tracked")}


def test_weights_come_from_a_state_dict_or_a_file(module: Any, tensors: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(tensors, tmp_path / "w.safetensors", {"some": "metadata"})
    net = module.Network()
    module.load_weights(net, tensors)
    for weights in (tensors, tmp_path / "w.safetensors", str(tmp_path / "w.safetensors"), net.state_dict()):
        found = loaded(module, weights)
        assert found.keys() == tensors.keys()
        assert all(found[name].equal(tensor) for name, tensor in tensors.items())


def test_a_file_of_another_net_is_refused(module: Any, tensors: dict[str, Tensor], tmp_path: Path) -> None:
    """Other connections may have the same tensors."""
    file, own = tmp_path / "w.safetensors", wiring(zoo.load("darts-v2"), TINY)
    save_file(tensors, file, {"wiring": own})
    assert loaded(module, file).keys() == tensors.keys()
    save_file(tensors, file, {"wiring": "0" * 64})
    with pytest.raises(ValueError, match=f"w.safetensors: is of a net wired as 0{{64}}; expected {own}"):
        loaded(module, file)


@pytest.mark.parametrize("change", ["concat", "edges", "stem"])
def test_a_file_of_a_net_with_the_same_hash_and_the_same_tensors_is_refused(change: str, tmp_path: Path) -> None:
    """Isomorphic cells share a hash; a stem's stride is in neither."""
    nodes = [[{"op": "sep_conv_3x3", "from": source} for source in (0, 1)]]
    cell: dict[str, Any] = {"nodes": nodes * 2, "concat": [2, 3]}
    other = {"concat": {**cell, "concat": [3, 2]}, "edges": {**cell, "nodes": [nodes[0][::-1], nodes[0]]}}.get(
        change, cell
    )
    trained, written = (
        Genotype.from_dict({"name": "a", "cells": {"normal": one, "reduction": one}}) for one in (other, cell)
    )
    network = TINY.model_copy(update={"stem_stride": 2 if change == "stem" else 1})
    assert trained.hash == written.hash
    save(TargetNet(trained, network, seed=5), tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match=r"w.safetensors: is of a net wired as"):
        loaded(run(source(written, TINY)), tmp_path / "w.safetensors")
    save(TargetNet(written, TINY, seed=5), tmp_path / "w.safetensors")
    assert loaded(run(source(written, TINY)), tmp_path / "w.safetensors")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_files_of_any_precision(dtype: torch.dtype, tmp_path: Path) -> None:
    given = {"scalar": torch.tensor(1.5), "matrix": torch.randn(3, 5), "map": torch.randn(2, 3, 1, 4)}
    given = {name: tensor.to(dtype) for name, tensor in given.items()}
    save_file(given, tmp_path / "w.safetensors")
    found = python_runtime.read_safetensors(tmp_path / "w.safetensors")
    assert found.keys() == given.keys()
    assert all(found[name].equal(tensor) and found[name].dtype == dtype for name, tensor in given.items())


def test_an_auxiliary_head_may_be_left_over(module: Any, tensors: dict[str, Tensor]) -> None:
    assert loaded(module, {**tensors, "auxiliary.linear.bias": torch.ones(3)}).keys() == tensors.keys()


def test_what_does_not_fit_is_named(module: Any, tensors: dict[str, Tensor]) -> None:
    without = {key: tensor for key, tensor in tensors.items() if key != "stem.conv.weight"}
    with pytest.raises(RuntimeError, match=r'Missing key.*"stem\.conv\.weight"'):
        loaded(module, without)
    with pytest.raises(RuntimeError, match=r'Unexpected key.*"extra"'):
        loaded(module, {**tensors, "extra": torch.ones(1)})
    with pytest.raises(RuntimeError, match=r"size mismatch for stem\.conv\.weight"):
        loaded(module, {**tensors, "stem.conv.weight": tensors["stem.conv.weight"][:3]})
    with_head = run(source(zoo.load("darts-v2"), SMALL["cifar"]))
    with pytest.raises(RuntimeError, match=r'Missing key.*"auxiliary\.conv1\.weight"'):
        with_head.load_weights(with_head.Network(), tensors)


def packed(header: Any, data: bytes = b"\0" * 16) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(**changes: Any) -> Callable[[], bytes]:
    return lambda: packed({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16], **changes}})


DAMAGED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "a pickle": lambda: b"\x80\x02}q\x00.",
    "a header longer than the file": lambda: struct.pack("<Q", 2**63) + b"{}",
    "no JSON": lambda: packed(b"\xff{"),
    "nested too deeply": lambda: packed(b"[" * 100_000),
    "a list": lambda: packed([1]),
    "an entry that is no object": lambda: packed({"a": 1}),
    "fields missing": lambda: packed({"a": {"dtype": "F32"}}),
    "another dtype": entry(dtype="I64"),
    "a dtype that is no text": entry(dtype=["F32"]),
    "too few bytes": entry(shape=[5]),
    "behind the end": entry(data_offsets=[8, 24]),
    "before the start": entry(data_offsets=[-8, 8]),
    "backwards": entry(data_offsets=[16, 0]),
    "offsets that are no numbers": entry(data_offsets=["0", "16"]),
    "three offsets": entry(data_offsets=[0, 8, 16]),
    "a huge shape": entry(shape=[2**62, 2**62]),
    "a negative shape": entry(shape=[-2, -2]),
    "a fractional shape": entry(shape=[8, 0.5]),
    "no values": entry(shape=[0], data_offsets=[0, 0]),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(DAMAGED[name]())
    with pytest.raises(ValueError, match=r"w\.safetensors: not a safetensors file of floats: "):
        python_runtime.read_safetensors(path)


def test_drop_path_drops_whole_images_and_keeps_the_mean(darts_v2: Genotype) -> None:
    torch.manual_seed(0)
    module = run(source(darts_v2, TINY))
    drop = module.DropPath()
    x = torch.randn(4000, 2, 3, 3) + 5
    assert drop(x) is x
    module.set_drop_path_rate(drop, 0.3)
    factors = drop(x) / x
    assert factors.flatten(1).std(1).max() < 1e-6
    values, counts = factors[:, 0, 0, 0].round(decimals=4).unique(return_counts=True)
    torch.testing.assert_close(values, torch.tensor([0, 1 / 0.7]), rtol=1e-3, atol=0)
    assert counts[0] / 4000 == pytest.approx(0.3, abs=0.03)
    assert drop.eval()(x) is x


def test_drop_path_acts_in_training_alone(darts_v2: Genotype) -> None:
    module = run(source(darts_v2, TINY))
    net = module.Network()
    image = torch.randn(8, 3, 9, 8)
    assert net(image).equal(net(image))
    module.set_drop_path_rate(net, 0.5)
    assert not net(image).equal(net(image))
    assert net.eval()(image).equal(net(image))
    for rate in (-0.1, 1, float("nan")):
        with pytest.raises(ValueError, match=f"drop path rate {rate}; expected 0 <= rate < 1"):
            module.set_drop_path_rate(net, rate)

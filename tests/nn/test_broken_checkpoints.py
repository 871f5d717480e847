"""Checkpoints that are refused: of another net, damaged, or hostile."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from genocc import Genotype
from genocc.errors import FileError, WeightsError
from genocc.nn import checkpoints as reading
from genocc.nn.checkpoints import import_weights
from tests.nn.checkpoint_nets import ALL_OPERATIONS, CIFAR, DARTS, IMAGENET, reference


def without(name: str) -> Callable[[dict[str, torch.Tensor]], object]:
    return lambda state: state.pop(name)


def with_tensor(name: str, tensor: torch.Tensor) -> Callable[[dict[str, torch.Tensor]], object]:
    return lambda state: state.update({name: tensor})


@pytest.mark.filterwarnings("ignore:Validating sparse tensor invariants:UserWarning")  # PyTorch says it once
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("cells.1._ops.0.conv_2.weight"), r"'cells.1._ops.0.conv_2.weight' \(4, 8, 1, 1\) is missing"),
        (without("stem.1.running_var"), r"'stem.1.running_var' \(12,\) is missing"),
        (
            with_tensor("cells.0._ops.6.op.1.weight", torch.ones(4, 1, 3, 3)),
            r"'cells.0._ops.6.op.1.weight' has no place",
        ),
        (with_tensor("fc.weight", torch.ones(2)), r"'fc.weight' has no place"),
        (
            with_tensor("cells.0._ops.0.op.1.weight", torch.ones(4, 1, 5, 5)),
            r"'cells.0._ops.0.op.1.weight' has shape \(4, 1, 5, 5\); expected \(4, 1, 3, 3\)",
        ),
        (
            with_tensor("stem.1.weight", torch.ones(12, dtype=torch.int64)),
            "'stem.1.weight' is of torch.int64; expected",
        ),
        (with_tensor("stem.1.weight", torch.ones(12).to_sparse()), "'stem.1.weight' is sparse, .* expected a plain"),
        (with_tensor("stem.1.weight", torch.ones(12, device="meta")), "'stem.1.weight' is .* without values; expected"),
        (
            with_tensor("classifier.weight", torch.ones(9, 48)),
            r"'classifier.weight' has shape \(9, 48\).*; the checkpoint's tensors ask for --classes 9",
        ),
        (with_tensor("cells.7.preprocess1.op.1.weight", torch.ones(1)), "'cells.7.* ask for --layers 8"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(
    change: Callable[[dict[str, torch.Tensor]], object], message: str, tmp_path: Path
) -> None:
    state = dict(reference().state_dict())
    change(state)
    torch.save(state, tmp_path / "c.pt")
    with pytest.raises(WeightsError, match=f"c.pt: tensor {message}"):
        import_weights(tmp_path / "c.pt", ALL_OPERATIONS, CIFAR, DARTS)


def test_a_wrong_genotype_names_the_tensor(darts_v2: Genotype, tmp_path: Path) -> None:
    torch.save(reference().state_dict(), tmp_path / "c.pt")
    with pytest.raises(WeightsError, match=r"tensor 'cells.0._ops.* is it the right genotype, with its edges in"):
        import_weights(tmp_path / "c.pt", darts_v2, CIFAR, DARTS)
    with pytest.raises(WeightsError, match=r"'stem0.0.weight' .* the checkpoint's tensors ask for --skeleton cifar"):
        import_weights(tmp_path / "c.pt", ALL_OPERATIONS, IMAGENET, DARTS)


class Hostile:
    """Unpickling it would leave a file behind."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.system, (f"touch {self.proof}",)


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
def test_no_code_is_run(form: str, tmp_path: Path) -> None:
    hostile, path = Hostile(tmp_path / "proof"), tmp_path / "c.pt"
    if form == "pickle":
        path.write_bytes(pickle.dumps({"state_dict": hostile}, protocol=2))
    else:
        state = reference().state_dict()
        torch.save({"state_dict": state, "extra": hostile}, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(WeightsError, match=r"refers to the Python object '\w+.system', which genocc does not run"):
        import_weights(path, ALL_OPERATIONS, CIFAR, DARTS)
    assert not (tmp_path / "proof").exists()
    torch.load(path, weights_only=False) if form != "pickle" else pickle.loads(path.read_bytes())
    assert (tmp_path / "proof").exists()  # it would have been


def written(content: object) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a PyTorch checkpoint, or a damaged one"),
        (b"hello", "not a PyTorch checkpoint, or a damaged one"),
        (written({"a": torch.ones(1000)})[:-300], "damaged"),
        (archive(a=b"b"), "not a PyTorch checkpoint, or a damaged one"),
        (b"PK\x03\x04" + b"\0" * 100, "not a PyTorch checkpoint, or a damaged one"),
        (written(torch.nn.Linear(2, 2)), "refers to the Python object 'torch.nn.modules.linear.Linear'"),
        (written([torch.ones(1)]), r"no state dict in it \(found list\)"),
        (written({}), r"no state dict in it \(found an empty dict\)"),
        (written({"epoch": 3}), r"no state dict in it \(found keys 'epoch'\); expected .* state_dict"),
        (written({"state_dict": {"a": 3}}), "no state dict in it"),
        (written({3: torch.ones(1)}), "no state dict in it"),
    ],
)
def test_what_is_no_checkpoint_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "c.pt").write_bytes(content)
    with pytest.raises(WeightsError, match=f"c.pt: .*{message}"):
        import_weights(tmp_path / "c.pt", ALL_OPERATIONS, CIFAR, DARTS)


def test_sizes_are_limited_before_anything_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 100_000)
    path = tmp_path / "c.pt"
    path.write_bytes(archive(zeros=b"\0" * 200_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(FileError, match="unpacks to 200,000 bytes"):
        import_weights(path, ALL_OPERATIONS, CIFAR, DARTS)
    path.write_bytes(b"\0" * 200_000)
    with pytest.raises(FileError, match="larger than the limit"):
        import_weights(path, ALL_OPERATIONS, CIFAR, DARTS)
    with pytest.raises(FileError, match="no such file"):
        import_weights(tmp_path / "nothing.pt", ALL_OPERATIONS, CIFAR, DARTS)

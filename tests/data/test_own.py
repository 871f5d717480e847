"""Images that a program gives: a run notes what they are, since no file says that they are others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from genocc.data import DataRequest, DataSet, Images, dataset, load, register
from genocc.data.images import FileImages, MemoryImages
from genocc.errors import DataError
from genocc.experiments.comparable import _same
from genocc.runs.known_data import KnownData

PIXELS = torch.arange(30 * 8 * 8 * 3).reshape(30, 8, 8, 3).remainder(251).to(torch.uint8)
LABELS = torch.arange(30) % 3


@pytest.fixture(autouse=True)
def _registers_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "_REGISTERED", {})


def identity(train: Images | None = None, pixels: Tensor = PIXELS, labels: Tensor = LABELS, **others: Any) -> Any:
    parts = [MemoryImages(pixels[some], labels[some]) for some in (slice(24), slice(24, None))]
    normalization: dict[str, Any] = {"mean": (0.5,) * 3, "std": (0.25,) * 3}
    own = DataSet("mine", ("a", "b", "c"), train=train or parts[0], test=parts[1], **normalization | others)
    register("mine", lambda _: own)
    return load(DataRequest("mine")).identity()


def difference(old: Any, new: Any) -> str:
    return KnownData.model_validate_json(json.dumps(old)).difference(new)


OTHERS: dict[str, tuple[Callable[[], Any], str]] = {
    "mean": (lambda: identity(mean=(0.1,) * 3), r"3 channels, mean 0.1 0.1 0.1, .*, not images of .* mean 0.5 0.5 0.5"),
    "deviation": (lambda: identity(std=(0.5,) * 3), r"deviation 0.5 0.5 0.5.* not "),
    "mirroring": (lambda: identity(flip=False), r", not mirrored in training, not images of .*, mirrored in training$"),
    "size": (lambda: identity(pixels=PIXELS[:, :4]), r"images of 4x8 .* not images of 8x8"),
    "an image": (
        lambda: identity(pixels=PIXELS.index_fill(0, torch.tensor([4]), 0)),
        r"^the images of class 'b' are others, or in another order$",
    ),
    "labels": (lambda: identity(labels=(LABELS + 1) % 3), r"the images of classes 'a', 'b', 'c' are others"),
    "order": (lambda: identity(pixels=PIXELS.flip(0), labels=LABELS.flip(0)), r"or in another order$"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_other_of_a_programs_images_is_named(name: str) -> None:
    first, (changed, said) = identity(), OTHERS[name]
    assert first == identity()
    assert re.search(said, difference(first, changed()))


def test_of_images_in_files_their_names_and_sizes_are_noted(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(24)]
    for path in paths:
        Image.new("RGB", (8, 8), "red").save(path)
    first = identity(FileImages(paths, LABELS[:24], (8, 8)))
    assert not difference(first, identity(FileImages(paths, LABELS[:24], (8, 8))))
    paths[5].write_bytes(paths[5].read_bytes() + b"\0")
    assert difference(first, identity(FileImages(paths, LABELS[:24], (8, 8)))).startswith("the images of class 'c' are")
    paths[5].unlink()
    with pytest.raises(DataError, match=r"5\.png: cannot be read"):
        identity(FileImages(paths, LABELS[:24], (8, 8)))


def test_a_table_has_the_same_images_in_two_sizes() -> None:
    small, large = identity(pixels=PIXELS[:, ::2, ::2]), identity()
    assert _same(small, large)
    assert not _same(small, {**large, "train": [9, 8, 7]})
    assert not _same(large, identity(labels=(LABELS + 1) % 3))


def test_what_comes_with_genocc_is_noted_as_before() -> None:
    assert set(load(DataRequest("fake", size=8)).identity()) == {"name", "classes", "train", "test", "digests"}


def test_a_function_that_returns_no_data_set_is_named() -> None:
    register("mine", lambda _: PIXELS)  # type: ignore[arg-type, return-value]
    with pytest.raises(DataError, match=r"data set 'mine': its function returned Tensor; expected a DataSet"):
        load(DataRequest("mine"))

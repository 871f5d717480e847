"""Settings of the images: what --data means, which preset goes with it, and how a part becomes batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from genocc.data import DataSet, MemoryImages
from genocc.data.settings import ImagesConfig, augmented, data_fields, default_preset, load_data, place
from genocc.errors import DataError


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (None, {}),
        ("digits", {"name": "digits"}),
        ("cifar10:/data/cifar", {"name": "cifar10", "folder": "/data/cifar"}),
        ("cifar10:C:\\cifar", {"name": "cifar10", "folder": "C:\\cifar"}),
        ("imagefolder:photos", {"name": "imagefolder", "folder": "photos"}),
        ("photos/birds", {"name": "imagefolder", "folder": "photos/birds"}),
        ("here", {"name": "imagefolder", "folder": "here"}),
        ("nowhere", {"name": "nowhere"}),
    ],
)
def test_data_is_a_name_a_name_with_a_folder_or_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, fields: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert data_fields(text) == fields


@pytest.mark.parametrize("text", ["", "cifar10:"])
def test_data_without_a_name_or_a_folder_are_refused(text: str) -> None:
    with pytest.raises(DataError, match=f"--data: found '{text}'; expected a data set, NAME:FOLDER, or a folder"):
        data_fields(text)


@pytest.mark.parametrize(
    ("size", "expected"),
    [(64, 64), ("64", 64), ("64x64", 64), ((64, 64), 64), ("64x300", (64, 300)), ([64, 300], (64, 300))],
)
def test_a_size_is_one_number_or_height_and_width(size: Any, expected: int | tuple[int, int]) -> None:
    config = ImagesConfig(size=size)
    assert config.size == expected
    assert ImagesConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("size", [3, 1025, "64x", "x", "64x3", "3x64", "٣٢", 8.5, [8, 8, 8], [], "9" * 5000, {}])
def test_any_other_size_is_refused(size: Any) -> None:
    with pytest.raises(ValidationError, match="expected a height and width such as 64x300, or one number, each from 4"):
        ImagesConfig(size=size)


def test_true_is_no_size() -> None:
    with pytest.raises(ValidationError, match="expected a number or a text, not true or false"):
        ImagesConfig(size=True)


def test_a_folder_whose_path_is_not_utf_8_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected a path in UTF-8: rename the folder"):
        ImagesConfig(folder=Path("caf\udce9"))


def test_built_in_data_go_with_quick_and_others_with_the_papers_settings() -> None:
    for name in ("digits", "fake"):
        assert default_preset({"name": name}, "shallow") == "quick"
    assert default_preset({}, "cifar") == default_preset({"size": 8}, "cifar") == "quick"  # the default is digits
    for name in ("cifar10", "imagefolder", "stripes"):
        assert default_preset({"name": name}, "shallow") == "shallow"


def test_the_data_set_is_the_one_that_is_configured() -> None:
    data = load_data(ImagesConfig(name="fake", size=4))
    assert (data.name, data.train.size) == ("fake", (4, 4))
    assert place(ImagesConfig(name="fake")) == "data set 'fake'"
    assert place(ImagesConfig(name="imagefolder", folder=Path("a/b"))) == "a/b"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (2, True, 0)),  # an eighth of the size; what the data set says; none
        ({"padding": 0, "flip": False, "cutout": 5}, (0, False, 5)),
        ({"padding": 3}, (3, True, 0)),
    ],
)
def test_augmentation_is_as_configured_or_as_the_data_set_has_it(
    settings: dict[str, Any], expected: tuple[int, bool, int]
) -> None:
    images = MemoryImages(torch.zeros(6, 16, 16, 3, dtype=torch.uint8), torch.arange(6) % 2)
    data = DataSet("made", ("a", "b"), (0.5,) * 3, (0.25,) * 3, images, images)
    wanted = ImagesConfig(name="made", **settings)
    batches = augmented(images, data, wanted, 3, seed=1, stream="training", device=torch.device("cpu"))
    assert (batches.padding, batches.flip, batches.cutout) == expected
    assert (batches.batch_size, batches.seed, batches.stream) == (3, 1, "training")
    x, _ = next(batches.in_order(2))
    assert torch.equal(x, torch.full_like(x, -2.0))  # black, minus 0.5, over 0.25

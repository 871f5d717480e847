"""Data sets: how they are found, registered and refused."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch

from genocc import GenoccError, plugins
from genocc.data import DataRequest, DataSet, MemoryImages, datasets, load
from genocc.data import dataset as registry
from genocc.errors import DataError


def test_an_unknown_name_offers_the_closest_or_lists_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"nor a folder 'cifar'; did you mean 'cifar10'\? \(or a folder with a folder"):
        load(DataRequest("cifar"))
    with pytest.raises(DataError, match="nor a folder 'x'; expected one of cifar10, cifar100, digits, fake"):
        load(DataRequest("x"))


def test_a_name_of_any_length_is_quoted_in_part() -> None:
    with pytest.raises(DataError, match=r"nor a folder 'x{100}'; expected one of"):
        load(DataRequest(300 * "x"))


def test_class_names_are_text() -> None:
    images = MemoryImages(torch.zeros(4, 2, 2, 3, dtype=torch.uint8), torch.arange(4) % 2)
    with pytest.raises(DataError, match=r"the class name 'caf\\udce9' is not Unicode text"):
        DataSet("made", ("a", "caf\udce9"), (0.5,) * 3, (0.5,) * 3, images, images)


@pytest.mark.parametrize(("mean", "std"), [((123.7,), (58.4,)), ((0.5,), (0.0,)), ((0.5,) * 3, (0.5,))])
def test_mean_and_deviation_are_those_of_images_in_0_to_1(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    images = MemoryImages(torch.zeros(4, 2, 2, 3, dtype=torch.uint8), torch.arange(4) % 2)
    with pytest.raises(DataError, match=r"data set 'made': found mean .*; expected those of images in 0..1"):
        DataSet("made", ("a", "b"), mean, std, images, images)


@pytest.mark.parametrize(("size", "sides"), [(None, (32, 32)), (8, (8, 8)), ((8, 20), (8, 20))])
def test_a_request_has_two_sides(size: int | tuple[int, int] | None, sides: tuple[int, int]) -> None:
    assert DataRequest("made", size=size).sides(32) == sides


def test_a_built_in_set_has_no_folder() -> None:
    with pytest.raises(DataError, match="--data digits:a: 'digits' is built in; name it without a folder"):
        load(DataRequest("digits", Path("a")))


def test_downloads_go_to_the_folder_or_to_the_users_cache() -> None:
    assert DataRequest("cifar10", Path("~/data")).cache == Path.home() / "data"
    assert DataRequest("cifar10").cache == Path.home() / ".cache" / "genocc" / "data"


def gradients_everywhere(request: DataRequest) -> DataSet:
    """What another package would register."""
    ramp = torch.arange(8 * 4 * 4 * 3).reshape(8, 4, 4, 3).to(torch.uint8)
    images = MemoryImages(ramp, torch.arange(8) % 2)
    return DataSet("ramps", ("even", "odd"), (0.5,) * 3, (0.5,) * 3, images, images)


def test_another_package_adds_a_data_set_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("ramps", f"{__name__}:gradients_everywhere", registry.DATASETS)
    monkeypatch.setattr(plugins, "_entries", lambda group: {"ramps": [entry]})
    monkeypatch.setattr(EntryPoint, "load", lambda self: gradients_everywhere)
    assert "ramps" in datasets()
    assert load(DataRequest("ramps")).classes == ("even", "odd")
    monkeypatch.setattr(EntryPoint, "load", lambda self: 3)
    with pytest.raises(DataError, match="data set 'ramps': its entry point is int; expected a function"):
        load(DataRequest("ramps"))


def test_a_program_adds_a_data_set_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_REGISTERED", {})
    registry.register("ramps", gradients_everywhere)
    registry.register("ramps", gradients_everywhere)  # a notebook's cell, run again
    assert "ramps" in datasets()
    assert load(DataRequest("ramps")).classes == ("even", "odd")
    with pytest.raises(DataError, match="did you mean 'ramps'"):
        load(DataRequest("ramp"))
    with pytest.raises(DataError, match="data set 'digits' exists already"):
        registry.register("digits", gradients_everywhere)
    with pytest.raises(DataError, match="one without a colon"):
        registry.register("ramps:2", gradients_everywhere)


def test_a_data_set_with_labels_outside_of_its_classes_is_refused() -> None:
    images = MemoryImages(torch.zeros(4, 2, 2, 3, dtype=torch.uint8), torch.tensor([0, 1, 2, 1]))
    with pytest.raises(GenoccError, match="a label outside of its 2 classes"):
        DataSet("wrong", ("a", "b"), (0.5,) * 3, (0.5,) * 3, images, images)


def test_one_class_is_none_to_tell_apart() -> None:
    images = MemoryImages(torch.zeros(4, 2, 2, 3, dtype=torch.uint8), torch.zeros(4))
    with pytest.raises(DataError, match="data set 'wrong': 1 class; expected at least two"):
        DataSet("wrong", ("a",), (0.5,) * 3, (0.5,) * 3, images, images)

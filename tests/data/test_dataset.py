"""Data sets: what they hold, how they are split, and every way in which a user's folder can be wrong."""

from collections import Counter
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from genocc import GenoccError
from genocc.data import DataRequest, DataSet, FileImages, MemoryImages, datasets, load, split
from genocc.data import dataset as registry
from genocc.errors import DataError


def write_image(path: Path, *, size: tuple[int, int] = (12, 12), shade: int = 100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, shade // 2, 0)).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of ten images."""
    for name in ("cat", "dog"):
        for number in range(10):
            write_image(tmp_path / name / f"{number}.png", shade=10 * number)
    return tmp_path


@pytest.mark.parametrize("name", ["digits", "fake"])
@pytest.mark.parametrize("size", [16, 32])
def test_built_in_sets_are_whole(name: str, size: int) -> None:
    data = load(DataRequest(name, size=size))
    for part in (data.train, data.test):
        assert isinstance(part, MemoryImages)
        assert part.pixels.dtype == torch.uint8
        assert part.pixels.shape == (len(part), size, size, 3)
        assert set(part.labels.tolist()) == set(range(10))
    assert len(data.classes) == 10


def test_digits_are_all_there_in_disjoint_parts_and_normalised_by_their_own_mean_and_std() -> None:
    data = load(DataRequest("digits", size=8))
    assert isinstance(data.train, MemoryImages)
    assert isinstance(data.test, MemoryImages)
    assert len(data.train) + len(data.test) == 1797
    assert not data.flip
    seen = data.train.pixels.double() / 255
    assert data.mean == pytest.approx([float(seen.mean())] * 3, abs=1e-4)
    assert data.std == pytest.approx([float(seen.std())] * 3, abs=1e-4)
    found = np.sort(
        np.concatenate([part.pixels[..., 0].flatten(1).numpy() for part in (data.train, data.test)]), axis=0
    )
    from sklearn.datasets import load_digits

    original = np.sort(np.round(load_digits().images.reshape(1797, 64) * 255 / 16).astype(np.uint8), axis=0)
    np.testing.assert_array_equal(found, original)


def test_an_image_folder_without_parts_is_split_by_the_seed(folder: Path) -> None:
    first, again, other = (load(DataRequest("imagefolder", folder, split_seed=seed)) for seed in (1, 1, 2))
    assert (len(first.train), len(first.test)) == (16, 4)
    assert first.classes == ("cat", "dog")
    assert Counter(first.test.labels.tolist()) == {0: 2, 1: 2}
    assert isinstance(first.test, MemoryImages)
    assert isinstance(again.test, MemoryImages)
    assert isinstance(other.test, MemoryImages)
    assert torch.equal(first.test.pixels, again.test.pixels)
    assert not torch.equal(first.test.pixels, other.test.pixels)


@pytest.mark.parametrize("name", ["val", "validation", "test"])
def test_an_image_folder_with_parts_keeps_them(tmp_path: Path, name: str) -> None:
    for part, count in (("train", 5), (name, 2)):
        for kind in ("a", "b"):
            for number in range(count):
                write_image(tmp_path / part / kind / f"{number}.png")
    data = load(DataRequest("imagefolder", tmp_path))
    assert (len(data.train), len(data.test)) == (10, 4)


def test_tiny_imagenet_has_its_validation_classes_in_a_file(tmp_path: Path) -> None:
    for kind in ("n01", "n02"):
        for number in range(4):
            write_image(tmp_path / "train" / kind / "images" / f"{kind}_{number}.JPEG")
    for number in range(3):
        write_image(tmp_path / "val" / "images" / f"val_{number}.JPEG")
    boxes = "0\t0\t62\t62"
    annotations = tmp_path / "val" / "val_annotations.txt"
    annotations.write_text(f"val_0.JPEG\tn02\t{boxes}\nval_1.JPEG\tn01\t{boxes}\nval_2.JPEG\tn02\t{boxes}\n")
    data = load(DataRequest("imagefolder", tmp_path))
    assert len(data.train) == 8
    assert Counter(data.test.labels.tolist()) == {0: 1, 1: 2}
    annotations.write_text("missing.JPEG\tn02\t0\n")
    with pytest.raises(DataError, match=r"val_annotations.txt: line 1 names no file"):
        load(DataRequest("imagefolder", tmp_path))


def test_any_image_becomes_a_square_of_rgb(tmp_path: Path) -> None:
    for name, image in {
        "grey": Image.new("L", (20, 10), 50),
        "palette": Image.new("P", (9, 30)),
        "transparent": Image.new("RGBA", (16, 16), (1, 2, 3, 4)),
        "sixteen": Image.new("I;16", (8, 8)),
    }.items():
        for kind in ("a", "b"):
            for number in range(2):
                (tmp_path / kind).mkdir(exist_ok=True)
                image.save(tmp_path / kind / f"{name}-{number}.png")
    data = load(DataRequest("imagefolder", tmp_path, size=8))
    assert isinstance(data.train, MemoryImages)
    assert data.train.pixels.shape[1:] == (8, 8, 3)


def test_the_middle_of_an_oblong_image_is_taken(tmp_path: Path) -> None:
    image = Image.new("RGB", (30, 10), (255, 0, 0))
    image.paste((0, 255, 0), (10, 0, 20, 10))
    for kind in ("a", "b"):
        (tmp_path / kind).mkdir()
        for number in range(2):
            image.save(tmp_path / kind / f"{number}.png")
    data = load(DataRequest("imagefolder", tmp_path))
    assert isinstance(data.train, MemoryImages)
    assert torch.equal(data.train.pixels, torch.tensor([0, 255, 0], dtype=torch.uint8).expand(2, 10, 10, 3))


def test_larger_images_stay_in_their_files(cifar_folder: Path) -> None:
    data = load(DataRequest("imagefolder", cifar_folder, size=128))
    assert isinstance(data.train, FileImages)
    pixels = data.train.start(torch.tensor([3, 0]), 0, False, None)()
    assert pixels.shape == (2, 128, 128, 3)
    generator = torch.Generator().manual_seed(0)
    cropped = data.train.start(torch.tensor([3, 3]), 0, True, generator)()
    assert not torch.equal(cropped[0], cropped[1])


def wrong_path(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    folder.rmdir()


def a_file(folder: Path) -> None:
    wrong_path(folder)
    folder.write_text("no folder")


def empty_folder(folder: Path) -> None:
    wrong_path(folder)
    folder.mkdir()


def empty_class(folder: Path) -> None:
    (folder / "emu").mkdir()


def class_with_one_image(folder: Path) -> None:
    write_image(folder / "emu" / "one.png")


def one_class(folder: Path) -> None:
    wrong_path(folder / "dog")


def broken_jpeg(folder: Path) -> None:
    write_image(folder / "dog" / "photo.jpg", size=(90, 90))
    whole = (folder / "dog" / "photo.jpg").read_bytes()
    (folder / "dog" / "photo.jpg").write_bytes(whole[: len(whole) // 2])


def text_called_jpeg(folder: Path) -> None:
    (folder / "dog" / "photo.jpg").write_text("not a photo")


def huge_image(folder: Path) -> None:
    Image.new("1", (9000, 9000)).save(folder / "cat" / "0.png")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (wrong_path, "no such folder; check the path"),
        (a_file, "is a file; expected a folder"),
        (empty_folder, "no class folders in it"),
        (empty_class, "emu: no image files in this class folder"),
        (class_with_one_image, "class 'emu' has 1 image; expected at least 2"),
        (one_class, "1 class; expected at least two"),
        (broken_jpeg, "photo.jpg: not an image that can be decoded"),
        (text_called_jpeg, "photo.jpg: not an image that can be decoded"),
        (huge_image, r"0.png: 9000x9000; expected at most 67,108,864 pixels"),
    ],
)
def test_a_wrong_folder_is_one_clear_error(folder: Path, spoil: object, message: str) -> None:
    assert callable(spoil)
    spoil(folder)
    with pytest.raises(DataError, match=message):
        load(DataRequest("imagefolder", folder, size=12))


@pytest.mark.parametrize("spoil", [broken_jpeg, text_called_jpeg])
def test_a_broken_file_among_large_images_is_found_by_check(folder: Path, spoil: object) -> None:
    assert callable(spoil)
    spoil(folder)
    with pytest.raises(DataError, match=r"photo.jpg: not an image"):
        load(DataRequest("imagefolder", folder, size=112)).train.check()


def test_an_unknown_class_in_the_test_part_is_refused(folder: Path) -> None:
    for kind in ("cat", "dog"):
        (folder / "train").mkdir(exist_ok=True)
        (folder / kind).rename(folder / "train" / kind)
    write_image(folder / "test" / "emu" / "0.png")
    with pytest.raises(DataError, match="class 'emu' is not among the 2 classes"):
        load(DataRequest("imagefolder", folder))


def test_more_than_fits_into_memory_is_refused_before_it_is_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genocc.data.images.MAX_BYTES", 1000)
    monkeypatch.setattr("genocc.data.image_folder.decode_all", lambda *_: pytest.fail("loaded"))
    with pytest.raises(DataError, match=r"20 images of 12x12 take .* GiB of memory"):
        load(DataRequest("imagefolder", folder))


def test_photographs_need_a_size(tmp_path: Path) -> None:
    write_image(tmp_path / "a" / "0.png", size=(500, 300))
    with pytest.raises(DataError, match=r"500x300; choose .* --input-size 224"):
        load(DataRequest("imagefolder", tmp_path))


def test_an_image_folder_needs_a_folder() -> None:
    with pytest.raises(DataError, match="imagefolder: no folder given"):
        load(DataRequest("imagefolder"))


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_an_absent_cifar_says_how_to_get_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name}: not found whole in .*; fetch it with --download"):
        load(DataRequest(name, tmp_path / "nothing"))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"nor a folder 'cifar'; did you mean 'cifar10'\? expected cifar10, cifar100"):
        load(DataRequest("cifar"))


def gradients_everywhere(request: DataRequest) -> DataSet:
    """What another package would register."""
    ramp = torch.arange(8 * 4 * 4 * 3).reshape(8, 4, 4, 3).to(torch.uint8)
    images = MemoryImages(ramp, torch.arange(8) % 2)
    return DataSet("ramps", ("even", "odd"), (0.5,) * 3, (0.5,) * 3, images, images)


def test_another_package_adds_a_data_set_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("ramps", f"{__name__}:gradients_everywhere", registry.DATASETS)
    found = registry.entry_points

    def with_ours(group: str) -> object:
        return type(found(group=group))([*found(group=group), entry])

    monkeypatch.setattr(registry, "entry_points", with_ours)
    monkeypatch.setattr(EntryPoint, "load", lambda self: gradients_everywhere)
    assert "ramps" in datasets()
    assert load(DataRequest("ramps")).classes == ("even", "odd")


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


@given(
    st.lists(st.integers(3, 40), min_size=2, max_size=6),
    st.sampled_from([(0.5, 0.5), (0.1, 0.1), (0.6, 0.3, 0.1), (0.5, 0.1), (1 / 3, 2 / 3)]),
    st.integers(0, 5),
)
def test_a_split_is_disjoint_mixed_as_the_whole_and_misses_no_class(
    sizes: list[int], parts: tuple[float, ...], seed: int
) -> None:
    labels = torch.cat([torch.full((size,), kind) for kind, size in enumerate(sizes)])
    names = [f"class {kind}" for kind in range(len(sizes))]
    wanted = [max(round(part * len(labels)), len(sizes)) for part in parts]
    if sum(wanted) > len(labels):
        return
    found = split(labels, wanted, seed, names, "data")
    together = torch.cat(found)
    assert len(set(together.tolist())) == len(together)
    for part, count in zip(found, wanted, strict=True):
        assert len(part) == count
        mixed = Counter(labels[part].tolist())
        for kind, size in enumerate(sizes):
            assert mixed[kind] >= 1
            # in proportion, as far as integers and the other parts' need of one image allow
            assert abs(mixed[kind] - count * size / len(labels)) < len(sizes) + len(parts)


def test_a_split_takes_shares_and_numbers() -> None:
    labels = torch.arange(1000) % 10
    names = [str(kind) for kind in range(10)]
    halves = split(labels, (0.5, 0.5), 0, names, "data")
    assert [len(part) for part in halves] == [500, 500]
    few = split(labels, (25, 0.025), 0, names, "data")
    assert [len(part) for part in few] == [25, 25]
    assert not torch.equal(split(labels, (0.5, 0.5), 1, names, "data")[0], halves[0])
    with pytest.raises(DataError, match=r"data: 900 \+ 200 images are asked for; the data set has 1,000"):
        split(labels, (900, 200), 0, names, "data")
    with pytest.raises(DataError, match="data: 5 images asked for; expected at least one of each of 10 classes"):
        split(labels, (5, 200), 0, names, "data")

"""Image folders: how they are divided by the seed, and every way in which a user's folder can be wrong."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
import torch
from PIL import Image

from genocc.data import DataRequest, FileImages, MemoryImages, load
from genocc.errors import DataError
from genocc.experiments.comparable import _same
from genocc.runs.known_data import KnownData
from genocc.runs.own_files import training_text
from tests.data.image_files import write_image


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


def test_both_parts_together_have_to_fit_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("train", "val"):
        for kind in ("a", "b"):
            write_image(tmp_path / part / kind / "0.png")
    monkeypatch.setattr("genocc.data.images.MAX_BYTES", 3 * 12 * 12 * 3)
    with pytest.raises(DataError, match=r"4 images of 12x12 take"):
        load(DataRequest("imagefolder", tmp_path))


def test_parts_of_a_folder_share_the_memory_of_its_images(folder: Path) -> None:
    data = load(DataRequest("imagefolder", folder))
    assert isinstance(data.train, MemoryImages)
    assert isinstance(data.test, MemoryImages)
    half = data.train.subset(torch.arange(4))
    assert len({part._shared.data_ptr() for part in (data.train, data.test, half)}) == 1


def oblong(folder: Path, size: tuple[int, int]) -> Path:
    for kind in ("a", "b"):
        for number in range(2):
            write_image(folder / kind / f"{number}.png", size=size)
    return folder


def test_oblong_images_are_taken_whole_where_their_size_is_given(tmp_path: Path) -> None:
    folder = oblong(tmp_path, (60, 20))
    data = load(DataRequest("imagefolder", folder, size=(20, 60)))
    assert (data.train.size, data.note) == ((20, 60), "")
    data = load(DataRequest("imagefolder", folder))
    assert data.train.size == (20, 20)
    assert (
        "of 4 of 4 images, whose shape is another, the middle square is taken; a search or training with --input-size"
        in data.note
    )
    data = load(DataRequest("imagefolder", folder, size=(20, 40)))
    assert "the middle of the shape 20x40 is taken" in data.note


def test_files_that_are_not_read_are_noted_in_every_part(tmp_path: Path) -> None:
    for part in ("train", "val"):
        for kind in ("a", "b"):
            write_image(tmp_path / part / kind / "0.png")
            (tmp_path / part / kind / "1.heic").write_bytes(b"")
    (tmp_path / "val" / "b" / "2.psd").write_bytes(b"")
    assert load(DataRequest("imagefolder", tmp_path)).note == (
        f"{tmp_path}: 5 files are left out, whose ending is none of an image that is read (4 .heic, 1 .psd); convert "
        "images to PNG or JPEG"
    )
    write_image(tmp_path / "train" / "a" / "0.png", size=(120, 120))
    assert "5 files are left out" in load(DataRequest("imagefolder", tmp_path, size=100)).note


@pytest.mark.parametrize("size", [(5, 7), (50, 40)])
def test_a_first_image_of_another_size_than_others_is_noted(folder: Path, size: tuple[int, int]) -> None:
    for number in range(10):
        write_image(folder / "dog" / f"{number}.png", size=(24, 24))
    assert load(DataRequest("imagefolder", folder)).note == ""
    write_image(folder / "dog" / "3.png", size=size)
    assert (
        f"all images become 12x12, as the first, {folder / 'cat' / '0.png'}, has 12x12 (height and width); "
        f"{folder / 'dog' / '3.png'} has {size[1]}x{size[0]}: choose the size with --input-size"
    ) in load(DataRequest("imagefolder", folder)).note
    assert "all images become" not in load(DataRequest("imagefolder", folder, size=12)).note


def test_large_oblong_images_keep_their_shape_in_tests_and_about_in_crops(tmp_path: Path) -> None:
    data = load(DataRequest("imagefolder", oblong(tmp_path, (300, 64)), size=(64, 300)))
    assert isinstance(data.train, FileImages)
    for generator in (None, torch.Generator().manual_seed(0)):
        assert data.train.start(torch.tensor([0, 1]), 0, True, generator)().shape == (2, 64, 300, 3)


def test_photographs_need_a_size(tmp_path: Path) -> None:
    write_image(tmp_path / "a" / "0.png", size=(500, 300))
    with pytest.raises(DataError, match=r"500x300; choose .* --input-size 224"):
        load(DataRequest("imagefolder", tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("val_0.JPEG\tcaf\xe9\n".encode("latin-1"), r"val_annotations.txt: line 1 is not UTF-8: .* convert the file"),
        (b"val_0.JPEG\ta\nval_0.JPEG\ta\n", r"line 2 names no file in .*, or names it twice: 'val_0.JPEG'"),
        (b"val_0.JPEG\t" + 10**6 * b"x", r"line 1: class 'x{60}' is not among the 2 classes"),
        (b"\n", r"line 1 names no file"),
        (b"", r"val_annotations.txt: is empty"),
        (3_000_000 * b"val_0.JPEG\ta\n", r"line 2 names no file in .*, or names it twice"),
    ],
)
def test_annotations_that_cannot_be_used_are_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    oblong(tmp_path / "train", (8, 8))
    write_image(tmp_path / "val" / "images" / "val_0.JPEG")
    (tmp_path / "val" / "val_annotations.txt").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load(DataRequest("imagefolder", tmp_path))
    assert len(str(caught.value)) < 400


def test_a_class_whose_name_is_not_utf_8_is_refused_at_once(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9")).mkdir()
    with pytest.raises(DataError, match=r"the name of class folder b'caf\\xe9' is not UTF-8; rename"):
        load(DataRequest("imagefolder", folder))


def test_a_home_directory_that_does_not_exist_is_refused() -> None:
    for name in ("imagefolder", "cifar10"):
        with pytest.raises(DataError, match=r"~no-such-user-/x: there is no home directory of that user"):
            load(DataRequest(name, Path("~no-such-user-/x")))


@pytest.mark.parametrize("name", [300 * "x", "a\0b"])
def test_a_path_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"cannot be read|no such folder"):
        load(DataRequest("imagefolder", tmp_path / name))


def test_a_link_to_an_image_that_is_gone_is_named(folder: Path) -> None:
    (folder / "cat" / "gone.png").symlink_to(folder / "none.png")
    with pytest.raises(DataError, match=r"gone.png: cannot be read: No such file"):
        load(DataRequest("imagefolder", folder))


def test_files_of_one_size_are_told_apart_by_a_few(tmp_path: Path) -> None:
    """Uncompressed images all have one size, so classes that change places would go unnoticed."""
    for number, kind in enumerate(("cat", "dog", "emu")):
        (tmp_path / kind).mkdir()
        for image in range(10):
            Image.new("RGB", (8, 8), (number, image, 0)).save(tmp_path / kind / f"{image}.bmp")
    first = load(DataRequest("imagefolder", tmp_path)).identity()
    known = KnownData.model_validate_json(json.dumps(first))
    (tmp_path / "cat").rename(tmp_path / "owl")
    (tmp_path / "dog").rename(tmp_path / "cat")
    (tmp_path / "owl").rename(tmp_path / "dog")
    changed = load(DataRequest("imagefolder", tmp_path)).identity()
    assert first["digests"] == changed["digests"]
    said = "the files of classes 'cat', 'dog' have another content, with the names and sizes that they had"
    assert known.difference(changed) == said
    del changed["samples"]  # of an older version
    assert not known.difference(changed)
    assert _same(first, changed)
    assert training_text({}, first) == training_text({}, changed)


def test_the_identity_of_a_folder_does_not_depend_on_its_place(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = load(DataRequest("imagefolder", folder)).identity()
    elsewhere = tmp_path_factory.mktemp("else") / "where"
    shutil.copytree(folder, elsewhere)
    assert load(DataRequest("imagefolder", elsewhere)).identity() == first
    assert (first["classes"], first["train"], first["test"]) == (["cat", "dog"], [8, 8], [2, 2])
    (folder / "cat" / "0.png").rename(folder / "cat" / "00.png")
    changed = load(DataRequest("imagefolder", folder)).identity()["digests"]
    assert [one == two for one, two in zip(first["digests"], changed, strict=True)] == [False, True]


def test_an_image_folder_needs_a_folder() -> None:
    with pytest.raises(DataError, match="imagefolder: no folder given"):
        load(DataRequest("imagefolder"))


def test_the_centre_is_for_measuring_and_for_images_that_are_trained_on_in_crops(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for number in range(5):
            rings(tmp_path / name / f"{number}.png")
    for size, measured in ((100, {200, 100}), (90, {200, 100, 0})):  # decoded when needed; in memory
        data = load(DataRequest("imagefolder", tmp_path, size=size, center_crop=0.5))
        for part in (data.test, data.train.subset(torch.arange(2))):
            pixels = part.start(torch.arange(len(part)), 0, False, None)()
            assert set(pixels[:, ::7, ::7, 0].flatten().tolist()) & {0, 100, 200} == measured
    data = load(DataRequest("imagefolder", tmp_path, size=100, center_crop=0.5))
    augmented = data.train.start(torch.arange(8), 0, False, torch.Generator().manual_seed(0))()
    assert (augmented == 0).any()  # random crops go to the border


def rings(path: Path) -> None:
    """Black within a fifth of the border, then grey, and light in the middle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (200, 200), (0, 0, 0))
    image.paste((100, 100, 100), (40, 40, 160, 160))
    image.paste((200, 200, 200), (70, 70, 130, 130))
    image.save(path)

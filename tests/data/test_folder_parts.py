"""Image folders: which folders are parts, which are classes, and what each is called."""

from collections import Counter
from pathlib import Path
from unicodedata import normalize

import pytest

from genocc.data import DataRequest, MemoryImages, load
from genocc.errors import DataError
from tests.data.image_files import write_image


@pytest.mark.parametrize("name", ["val", "validation", "valid", "test"])
def test_an_image_folder_with_parts_keeps_them(tmp_path: Path, name: str) -> None:
    for part, count in (("train", 5), (name, 2)):
        for kind in ("a", "b"):
            for number in range(count):
                write_image(tmp_path / part / kind / f"{number}.png")
    data = load(DataRequest("imagefolder", tmp_path))
    assert (len(data.train), len(data.test)) == (10, 4)


@pytest.mark.parametrize(
    "names",
    [
        ("train", "dev"),
        ("training", "validation"),
        ("Train", "Test"),
        ("train", "eval", "unlabelled"),
        ("train",),
        ("val", "test"),
        ("seg_train", "seg_test", "seg_pred"),
        ("training_set", "test_set"),
        ("train", "test1"),
        ("train2017", "val2017"),
        ("trainval", "test"),
        ("images-train", "images-valid"),
    ],
)
def test_parts_by_other_names_are_no_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    for part in names:
        for kind in ("a", "b"):
            for number in range(5):
                write_image(tmp_path / part / kind / f"{number}.png")
    with pytest.raises(DataError, match=r"look like parts of a data set, not like classes; expected 'train' beside"):
        load(DataRequest("imagefolder", tmp_path))


def test_a_class_that_has_a_part_in_its_name_is_a_class(tmp_path: Path) -> None:
    for kind in ("bullet_train", "test_tube", "bus", "flask", "constraint", "contest"):
        for number in range(5):
            write_image(tmp_path / kind / f"{number}.png")
    found = load(DataRequest("imagefolder", tmp_path))
    assert len(found.classes) == 6
    assert not found.note


@pytest.mark.parametrize("part", ["", "train"])
def test_folders_that_several_classes_have_are_named(tmp_path: Path, part: str) -> None:
    """Office-31 and PACS have a folder for each domain, and the classes in it."""
    for domain in ("amazon", "webcam"):
        for kind in ("bike", "mug", "pen", "ruler"):
            write_image(tmp_path / part / domain / "images" / kind / "a.png")
    if part:
        write_image(tmp_path / "test" / "amazon" / "a.png")
    assert load(DataRequest("imagefolder", tmp_path)).note.endswith(
        f"{tmp_path / part}: the classes are 'amazon', 'webcam'; the folders 'bike', 'mug', 'pen', ... in several of "
        "them are not told apart"
    )


def test_a_folder_around_the_classes_is_named(tmp_path: Path) -> None:
    for kind in ("Cat", "Dog"):
        write_image(tmp_path / "PetImages" / kind / "a.png")
    with pytest.raises(DataError, match=r"1 class, 'PetImages'; expected at least two: are they in .*PetImages\?$"):
        load(DataRequest("imagefolder", tmp_path))


def test_a_class_may_be_called_train(folder: Path) -> None:
    for number in range(5):
        write_image(folder / "train" / f"{number}.png")
    assert load(DataRequest("imagefolder", folder)).classes == ("cat", "dog", "train")


def test_a_part_that_is_left_out_is_named(tmp_path: Path) -> None:
    for part, count in (("train", 5), ("val", 2), ("test", 3)):
        for kind in ("a", "b"):
            for number in range(count):
                write_image(tmp_path / part / kind / f"{number}.png")
    data = load(DataRequest("imagefolder", tmp_path))
    assert (len(data.train), len(data.test)) == (10, 4)
    assert data.note == f"{tmp_path / 'val'} is the test part; test beside it is left out"


def test_what_no_test_image_says_anything_about_is_named(tmp_path: Path) -> None:
    for place in ("train/n1", "train/n2", "train/n3", "val/images"):
        for number in range(4):
            write_image(tmp_path / place / f"{number}.png")
    (tmp_path / "val" / "val_annotations.txt").write_text("0.png\tn1\t0\n1.png\tn1\t0\n2.png\tn3\t0\n")
    assert load(DataRequest("imagefolder", tmp_path)).note == (
        f"{tmp_path / 'val'} has no images of 1 of 3 classes ('n2'); "
        f"{tmp_path / 'val' / 'val_annotations.txt'} names 3 of 4 images; the others are left out"
    )


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


def test_tiny_imagenet_whose_validation_images_were_sorted_keeps_its_list(tmp_path: Path) -> None:
    """As the scripts do that make class folders of it: the list names what lies in `images` no more."""
    for kind in ("n01", "n02"):
        for number in range(4):
            write_image(tmp_path / "train" / kind / "images" / f"{kind}_{number}.JPEG")
    write_image(tmp_path / "val" / "n02" / "images" / "val_0.JPEG")
    (tmp_path / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn02\t0\t0\t62\t62\n")
    assert load(DataRequest("imagefolder", tmp_path)).test.labels.tolist() == [1]


def test_classes_are_those_of_the_same_folder_on_macos(tmp_path: Path) -> None:
    """It writes accents apart from their letters, which also changes the order."""
    for number, name in enumerate(("zoo", "\u00e9t\u00e9", "eta")):
        write_image(tmp_path / "train" / name / "0.png", shade=10 * number)
        write_image(tmp_path / "val" / normalize("NFD", name) / "0.png", shade=10 * number)
    data = load(DataRequest("imagefolder", tmp_path))
    assert isinstance(data.train, MemoryImages)
    assert isinstance(data.test, MemoryImages)
    assert data.classes == ("eta", "zoo", "\u00e9t\u00e9")
    for part in (data.train, data.test):
        assert dict(zip(part.labels.tolist(), part.pixels[:, 0, 0, 0].tolist(), strict=True)) == {0: 20, 1: 0, 2: 10}


def test_two_class_folders_that_look_alike_are_refused(folder: Path) -> None:
    for form in ("NFC", "NFD"):
        write_image(folder / normalize(form, "\u00e9t\u00e9") / "0.png")
    with pytest.raises(DataError, match=r"two class folders look alike, .*; merge them or rename one"):
        load(DataRequest("imagefolder", folder))

"""Image files: which are found, and how one becomes a square of bytes."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import CenterCrop, Resize

from genocc.data import DataRequest, MemoryImages, load
from genocc.data import files as module
from genocc.data.files import check_all, class_files, decode, decode_all, image_files, listed_endings, middle
from genocc.errors import DataError
from tests.data.image_files import write_image


@pytest.fixture
def ramp(tmp_path: Path) -> Path:
    """30x20: red is x, green is y."""
    x, y = np.meshgrid(np.arange(30), np.arange(20))
    path = tmp_path / "ramp.png"
    Image.fromarray(np.stack([x, y, 0 * x], 2).astype(np.uint8)).save(path)
    return path


def test_files_are_found_at_any_depth_in_order_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b/2.PNG", "b/1.jpg", "b/deep/er/0.bmp", "a/x.png", ".hidden/0.png"):
        write_image(tmp_path / name)
    for name in ("b/notes.txt", "b/.thumb.png", "readme.md"):
        (tmp_path / name).write_text("no image")
    expected = {"a": ["a/x.png"], "b": ["b/1.jpg", "b/2.PNG", "b/deep/er/0.bmp"]}
    found = class_files(tmp_path)
    assert {name: [str(path.relative_to(tmp_path)) for path in paths] for name, paths in found.items()} == expected
    assert list(found) == ["a", "b"]


def test_files_that_may_be_images_and_are_not_read_are_counted_by_ending(tmp_path: Path) -> None:
    write_image(tmp_path / "cat" / "a.png")
    for name in ("b.HEIC", "deep/c.heic", "d.psd", "e", "boxes.txt", ".f.heic", ".hidden/g.heic"):
        (tmp_path / "cat" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "cat" / name).write_bytes(b"")
    left_out: Counter[str] = Counter()
    assert class_files(tmp_path, left_out) == {"cat": [tmp_path / "cat" / "a.png"]}
    assert +left_out == {".heic": 2, ".psd": 1, "": 1}
    assert listed_endings(left_out) == "2 .heic, 1 .psd, 1 without an ending"
    (tmp_path / "cat" / "a.png").unlink()
    with pytest.raises(DataError, match=r"no image files in this class folder \(found 2 \.heic, 1 \.psd, 1 without an"):
        class_files(tmp_path)
    many = Counter({f".{number}": 1 for number in range(8)})
    assert listed_endings(many) == "1 .0, 1 .1, 1 .2, 1 .3, 1 .4, 3 others"


def test_copies_in_hidden_folders_are_left_out(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    write_image(tmp_path / ".ipynb_checkpoints" / "a-checkpoint.png")
    write_image(tmp_path / "deeper" / ".cache" / "a.png")
    assert image_files(tmp_path) == [tmp_path / "a.png"]


def test_linked_folders_are_followed_once_and_not_upwards(tmp_path: Path) -> None:
    write_image(tmp_path / "elsewhere" / "b.png")
    write_image(tmp_path / "classes" / "cat" / "a.png")
    cat = tmp_path / "classes" / "cat"
    (cat / "more").symlink_to(tmp_path / "elsewhere")
    (cat / "same").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "itself").symlink_to(tmp_path / "elsewhere")
    assert image_files(cat) == [cat / "a.png", cat / "more" / "b.png"]
    (cat / "up").symlink_to(tmp_path / "classes")
    with pytest.raises(DataError, match=r"cat/up: links to a folder above it; remove the link"):
        image_files(cat)


@pytest.mark.parametrize("ending", ["jfif", "JPE", "jp2", "avif", "pnm", "apng", "dib"])
def test_every_ending_of_a_format_that_is_read_counts(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"a.{ending}").write_bytes(b"")
    assert image_files(tmp_path) == [tmp_path / f"a.{ending}"]


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "a" / "0.png")
    write_image(tmp_path / "b" / "0.png")
    monkeypatch.setattr(module, "MAX_FILES", 1)
    with pytest.raises(DataError, match="one image too many; expected at most 1 in all classes"):
        class_files(tmp_path)


def test_without_a_box_the_middle_square_is_taken(ramp: Path) -> None:
    pixels = decode(ramp, (20, 20))
    assert pixels.dtype == torch.uint8
    assert torch.equal(pixels[0, :, 0], torch.arange(5, 25, dtype=torch.uint8))
    assert torch.equal(pixels[:, 0, 1], torch.arange(20, dtype=torch.uint8))


def test_a_box_is_taken_and_a_mirror_swaps_left_and_right(ramp: Path) -> None:
    pixels = decode(ramp, (8, 8), lambda width, height: (width - 8, height - 8, width, height))
    assert torch.equal(pixels[0, :, 0], torch.arange(22, 30, dtype=torch.uint8))
    assert torch.equal(pixels[:, 0, 1], torch.arange(12, 20, dtype=torch.uint8))
    mirrored = decode(ramp, (8, 8), lambda width, height: (width - 8, height - 8, width, height), mirrored=True)
    assert torch.equal(mirrored, pixels.flip(1))


def test_threads_keep_the_order(tmp_path: Path) -> None:
    for number in range(12):
        write_image(tmp_path / f"{number}.png", shade=20 * number)
    pixels, sides = decode_all([tmp_path / f"{number}.png" for number in range(12)], (4, 4))
    assert sides.tolist() == [[12, 12]] * 12
    assert pixels.shape == (12, 4, 4, 3)
    assert pixels[:, 0, 0, 0].tolist() == [20 * number for number in range(12)]


def test_a_broken_file_is_named_wherever_it_is_met(ramp: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(ramp.read_bytes()[:60])
    for read in (
        lambda: decode(broken, (8, 8)),
        lambda: decode_all([ramp, broken], (8, 8)),
        lambda: check_all([ramp, broken]),
    ):
        with pytest.raises(DataError, match=r"broken.png: not an image that can be decoded: .* replace or remove"):
            read()
    check_all([ramp, ramp])


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


@pytest.mark.parametrize("shape", [(400, 300), (300, 400), (288, 288)])
def test_a_central_box_is_what_the_public_programs_resize_and_crop(tmp_path: Path, shape: tuple[int, int]) -> None:
    """Resize(256) and CenterCrop(224) of torchvision."""
    waves = [np.add.outer(np.sin(np.arange(shape[1]) / k), np.cos(np.arange(shape[0]) / k)) for k in (9, 17, 31)]
    Image.fromarray((np.stack(waves, axis=2) * 60 + 128).astype(np.uint8)).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        expected = np.array(CenterCrop(224)(Resize(256)(image))).astype(int)
    found = decode(tmp_path / "a.png", (224, 224), middle((224, 224), 0.875)).numpy().astype(int)
    most = 3 if shape[0] == shape[1] else 7  # rounding; they cut off fractions of pixels, so are half a pixel aside
    assert np.abs(found - expected)[2:-2, 2:-2].max() <= most
    whole = decode(tmp_path / "a.png", (224, 224)).numpy().astype(int)
    assert np.abs(whole - expected).max() > 20
    assert torch.equal(
        decode(tmp_path / "a.png", (20, 30), middle((20, 30), 1.0)), decode(tmp_path / "a.png", (20, 30))
    )

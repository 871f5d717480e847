"""Every mode that Pillow opens files in becomes upright RGB: what is transparent is white, and nothing is run."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from genocc.data import rgb
from genocc.data.files import check_all
from genocc.data.rgb import image_size, read_rgb
from genocc.errors import DataError
from tests.data.image_files import grey_of, packed, pixels, png

RED_GREEN_BLUE = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


@pytest.mark.parametrize("alpha", [0, 255])
def test_a_bmp_file_whose_fourth_byte_nobody_wrote_is_opaque(tmp_path: Path, alpha: int) -> None:
    values = bytes([50, 100, 200, alpha, 7, 8, 9, alpha])
    header = struct.pack("<IiiHHIIiiII", 108, 2, 1, 1, 32, 3, len(values), 0, 0, 0, 0)
    header += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48)
    start = 14 + len(header)
    content = b"BM" + struct.pack("<IHHI", start + len(values), 0, 0, start) + header + values
    (tmp_path / "made.bmp").write_bytes(content)
    assert pixels(tmp_path / "made.bmp").tolist() == [[[200, 100, 50], [9, 8, 7]]]


@pytest.mark.parametrize("clear", [b"", b"\x21\xf9\x04\x01\x00\x00\x00\x00"])
def test_what_no_frame_covers_is_white(tmp_path: Path, clear: bytes) -> None:
    """A GIF image of 3x1 whose frame, green, covers the pixel in the middle; colour 0 is red (and transparent)."""
    palette, frame = bytes([255, 0, 0, 0, 255, 0] + [0] * 6), struct.pack("<4HB", 1, 0, 1, 1, 0)
    green = b"\x02\x02\x4c\x01\x00"  # 4: clear, 1, 5: end; three bits each
    head = b"GIF89a" + struct.pack("<HHBBB", 3, 1, 0x81, 0, 0) + palette
    (tmp_path / "a.gif").write_bytes(head + clear + b"\x2c" + frame + green + b"\x3b")
    assert pixels(tmp_path / "a.gif")[0].tolist() == [[255] * 3, [0, 255, 0], [255] * 3]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "LA", "RGBA", "LAB"])
def test_opaque_images_of_every_mode_keep_their_brightness(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGB", (4, 4), "white")
    ImageDraw.Draw(image).rectangle((0, 0, 1, 3), fill="black")
    if mode == "LAB":
        image = Image.merge("LAB", [image.convert("L"), *[Image.new("L", (4, 4), 128)] * 2])
    path = tmp_path / "image.tif"
    image.convert(mode).save(path)
    with Image.open(path) as opened:
        assert opened.mode == mode
    assert np.abs(np.array(grey_of(path) if mode != "LAB" else pixels(path)[0, :, 0]) - [0, 0, 255, 255]).max() <= 3


def clear_rgba(path: Path) -> None:
    """A black half that shows, and a transparent one over red."""
    image = Image.new("RGBA", (4, 2), (255, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 2, 2))
    image.save(path)


def clear_grey(path: Path) -> None:
    image = Image.new("LA", (4, 2), (90, 0))
    image.paste((0, 255), (0, 0, 2, 2))
    image.save(path)


def clear_palette(path: Path) -> None:
    image = Image.new("P", (4, 2), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.paste(0, (0, 0, 2, 2))
    image.save(path, transparency=1)


def clear_colour(path: Path) -> None:
    image = Image.new("RGB", (4, 2), (255, 0, 0))
    image.paste(0, (0, 0, 2, 2))
    image.save(path, transparency=(255, 0, 0))


def clear_level(path: Path) -> None:
    Image.fromarray(np.array([[0, 0, 9, 9]] * 2, np.uint8)).save(path, transparency=9)


def clear_deep_level(path: Path) -> None:
    raw = (b"\0" + np.array([0, 0, 700, 700], ">u2").tobytes()) * 2
    path.write_bytes(png(raw, width=4, height=2, kind=0, transparency=struct.pack(">H", 700)))


@pytest.mark.parametrize("write", [clear_rgba, clear_grey, clear_palette, clear_colour, clear_level, clear_deep_level])
def test_what_is_transparent_is_white_whatever_lies_below(tmp_path: Path, write: object) -> None:
    assert callable(write)
    write(tmp_path / "clear.png")
    assert grey_of(tmp_path / "clear.png") == [0, 0, 255, 255]


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_transparent_grey_of_few_bits_is_that_of_the_same_image_with_8(tmp_path: Path, bits: int) -> None:
    most = (1 << bits) - 1
    for clear in range(most + 1):
        row = list(range(most + 1))
        few, eight = tmp_path / "few.png", tmp_path / "eight.png"
        raw = packed(row, bits) * 2
        few.write_bytes(png(raw, width=len(row), height=2, kind=0, bits=bits, transparency=struct.pack(">H", clear)))
        Image.fromarray(np.array([row] * 2, np.uint8) * (255 // most)).save(eight, transparency=clear * 255 // most)
        assert grey_of(few) == grey_of(eight) == [255 if value == clear else value * 255 // most for value in row]


def test_what_is_half_transparent_is_mixed_with_white(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (0, 0, 0, 51)).save(tmp_path / "half.png")
    assert grey_of(tmp_path / "half.png") == [204, 204]


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_of_an_animation_or_several_pages_the_first_is_taken(tmp_path: Path, suffix: str) -> None:
    first, *rest = (Image.new("RGB", (4, 4), colour) for colour in RED_GREEN_BLUE)
    first.save(
        tmp_path / f"film.{suffix}",
        save_all=True,
        append_images=rest,
        **({"lossless": True} if suffix == "webp" else {}),
    )
    assert pixels(tmp_path / f"film.{suffix}")[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_images_are_turned_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    """Seen upright, the upper left of each of these is black, and the image is 24 high and 40 wide."""
    upright = Image.new("L", (40, 24), 255)
    upright.paste(0, (0, 0, 8, 8))
    back = {
        1: [], 2: ["FLIP_LEFT_RIGHT"], 3: ["ROTATE_180"], 4: ["FLIP_TOP_BOTTOM"], 5: ["TRANSPOSE"], 6: ["ROTATE_90"],
        7: ["TRANSVERSE"], 8: ["ROTATE_270"],
    }  # fmt: skip
    stored = upright
    for turn in back[orientation]:
        stored = stored.transpose(Image.Transpose[turn])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo.{suffix}"
    stored.convert("RGB").save(path, exif=exif)
    found = pixels(path)[..., 0]
    assert found.shape == (24, 40)
    assert image_size(path) == (24, 40)
    assert found[:7, :7].max() < 40
    assert min(found[10:].min(), found[:, 10:].min()) > 215


@pytest.mark.parametrize("mode", ["L", "P", "I;16", "CMYK", "1"])
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_tiff_files_on_their_side_are_not_garbled(tmp_path: Path, mode: str, orientation: int) -> None:
    """By their name, Pillow 13 maps those of these modes into memory as if they were upright (RGB it does not)."""
    stored = Image.new("L", (40, 24), 255)
    stored.paste(0, (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    if mode == "I;16":
        Image.fromarray(np.asarray(stored).astype(np.uint16) * 257).save(tmp_path / "a.tif", exif=exif)
    else:
        (stored.convert("RGB") if mode == "CMYK" else stored).convert(mode).save(tmp_path / "a.tif", exif=exif)
    stored.convert("RGB").save(tmp_path / "b.tif", exif=exif)
    assert (pixels(tmp_path / "a.tif") == pixels(tmp_path / "b.tif")).all()
    assert image_size(tmp_path / "a.tif") == (40, 24)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff"])
def test_broken_exif_data_say_nothing(tmp_path: Path, suffix: str, exif: bytes) -> None:
    Image.new("RGB", (6, 4), "white").save(tmp_path / f"a.{suffix}", exif=exif)
    assert pixels(tmp_path / f"a.{suffix}").shape == (4, 6, 3)


def test_size_is_that_of_the_file_where_it_is_upright(tmp_path: Path) -> None:
    Image.new("L", (30, 20)).save(tmp_path / "a.png")
    assert image_size(tmp_path / "a.png") == (20, 30)


def test_an_orientation_that_does_not_exist_turns_nothing(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x112] = 9
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert image_size(tmp_path / "a.jpg") == (20, 30)


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (80, 60)).save(tmp_path / "big.jpg")
    monkeypatch.setattr(rgb, "MAX_PIXELS", 4000)
    for read in (read_rgb, image_size, lambda path: check_all([path])):
        with pytest.raises(DataError, match=r"big.jpg: 80x60; expected at most 4,000 pixels"):
            read(tmp_path / "big.jpg")


def test_a_program_in_the_place_of_an_image_is_not_run(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a.png: not an image that can be decoded: cannot identify"):
        read_rgb(tmp_path / "a.png")


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.png: cannot be read: No such file"):
        read_rgb(tmp_path / "none.png")

"""Every mode that Pillow opens files in becomes upright RGB of the right brightness, or is refused with the reason."""

import struct
import zlib
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from genocc.data import rgb
from genocc.data.files import check_all
from genocc.data.rgb import image_size, read_rgb
from genocc.errors import DataError

Pixels = NDArray[np.uint8]
RED_GREEN_BLUE = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def pixels(path: Path) -> Pixels:
    """What is read of a file."""
    found = read_rgb(path)
    assert found.mode == "RGB"
    return np.asarray(found)


def grey_of(path: Path) -> list[int]:
    """The first row of an image without colours."""
    found = pixels(path)
    assert (found[..., :1] == found).all()
    return [int(value) for value in found[0, :, 0]]


SIXTEEN = np.array([[0, 257, 32896, 65535]], np.uint16)
ROW = [0, 1, 128, 255]
DEEP_JPEG_2000 = (
    "/0//UQAvAAAAAAACAAAAAQAAAAAAAAAAAAAAAgAAAAEAAAAAAAAAAAADDwEBDwEBDwEB/1IADAAAAAEBAAQEAAH/XAAEQID/ZAAlAAFDcmVhdGVkIG"
    "J5IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAAAZAAH/k9/4kCgFotzKAICA/9k="
)
SHALLOW_JPEG_2000 = (
    "/0//UQApAAAAAAACAAAAAQAAAAAAAAAAAAAAAgAAAAEAAAAAAAAAAAABAwEB/1IADAAAAAEAAAQEAAH/XAAEQCD/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5K"
    "UEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAAATAAH/k98gIAWi/9k="
)
"""A black pixel and a white one, as OpenJPEG stores them: colours of 16 bits, and grey of 4."""


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_sixteen_bits_of_grey_are_scaled(tmp_path: Path, name: str) -> None:
    Image.fromarray(SIXTEEN).save(tmp_path / name)
    assert grey_of(tmp_path / name) == ROW


def test_sixteen_bits_in_the_other_byte_order_are_scaled(tmp_path: Path) -> None:
    (tmp_path / "big.tif").write_bytes(tiff(SIXTEEN.astype(">u2"), order="MM"))
    assert grey_of(tmp_path / "big.tif") == ROW


@pytest.mark.parametrize("alpha", [0, 255])
def test_a_bmp_file_whose_fourth_byte_nobody_wrote_is_opaque(tmp_path: Path, alpha: int) -> None:
    values = bytes([50, 100, 200, alpha, 7, 8, 9, alpha])
    header = struct.pack("<IiiHHIIiiII", 108, 2, 1, 1, 32, 3, len(values), 0, 0, 0, 0)
    header += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48)
    start = 14 + len(header)
    content = b"BM" + struct.pack("<IHHI", start + len(values), 0, 0, start) + header + values
    (tmp_path / "made.bmp").write_bytes(content)
    assert pixels(tmp_path / "made.bmp").tolist() == [[[200, 100, 50], [9, 8, 7]]]


def test_white_that_is_zero_stays_white(tmp_path: Path) -> None:
    (tmp_path / "negative.tif").write_bytes(tiff(65535 - SIXTEEN, photometric=0))
    assert grey_of(tmp_path / "negative.tif") == ROW


def test_twelve_bits_of_grey_are_scaled_by_twelve(tmp_path: Path) -> None:
    packed = int("000010808fff", 16).to_bytes(6, "big")  # 0, 16, 2056, 4095
    (tmp_path / "twelve.tif").write_bytes(tiff(np.frombuffer(packed, np.uint8)[None], bits=12, width=4))
    assert grey_of(tmp_path / "twelve.tif") == ROW


@pytest.mark.parametrize(
    ("values", "refused"), [((0x7C00, 0x83E0), True), ((0x7C00, 0x3E0), False), ((0xFC00, 0x83E0), False)]
)
def test_a_bmp_file_of_16_bits_with_an_alpha_bit(values: tuple[int, int], refused: bool, tmp_path: Path) -> None:
    """Pillow ignores the bit, so that hidden colours would show."""
    masks = struct.pack("<4I", 0x7C00, 0x3E0, 0x1F, 0x8000)
    header = struct.pack("<IiiHHIIiiII", 108, 2, 1, 1, 16, 3, 4, 2835, 2835, 0, 0) + masks + bytes(52)
    content = b"BM" + struct.pack("<IHHI", 126, 0, 0, 122) + header + struct.pack("<2H", *values)
    (tmp_path / "made.bmp").write_bytes(content)
    if refused:
        with pytest.raises(DataError, match=r"made\.bmp: 16-bit colours of which some are transparent; convert it"):
            read_rgb(tmp_path / "made.bmp")
    else:
        assert pixels(tmp_path / "made.bmp").tolist() == [[[255, 0, 0], [0, 255, 0]]]


@pytest.mark.parametrize(("most", "values"), [(255, ROW), (65535, SIXTEEN[0]), (1000, [0, 4, 502, 1000])])
def test_grey_of_any_maximum_in_a_pgm_is_scaled(tmp_path: Path, most: int, values: list[int]) -> None:
    data = np.array(values, ">u2" if most > 255 else "u1").tobytes()
    (tmp_path / "grey.pgm").write_bytes(f"P5 4 1 {most}\n".encode() + data)
    assert grey_of(tmp_path / "grey.pgm") == ROW


@pytest.mark.parametrize("photometric", [0, 1])
def test_floats_in_0_to_1_are_scaled(tmp_path: Path, photometric: int) -> None:
    shares = (np.array([ROW]) / 255).astype(np.float32)
    shares = shares if photometric else 1 - shares
    (tmp_path / "float.tif").write_bytes(tiff(shares, photometric=photometric, kind=3))
    assert grey_of(tmp_path / "float.tif") == ROW


@pytest.mark.parametrize("values", [[0, 200.0], [-0.1, 1.0], [float("nan"), 0.5], [0, float("inf")]])
def test_floats_of_another_scale_are_refused_before_training(tmp_path: Path, values: list[float]) -> None:
    Image.fromarray(np.array([values], np.float32)).save(tmp_path / "float.tif")
    for read in (read_rgb, lambda path: check_all([path])):
        with pytest.raises(DataError, match=r"float.tif: floats from .* to .*; expected 0 to 1"):
            read(tmp_path / "float.tif")


@pytest.mark.parametrize("kind", [np.int32, np.int16])
def test_whole_numbers_that_do_not_say_what_is_white_are_refused(tmp_path: Path, kind: type) -> None:
    (tmp_path / "int.tif").write_bytes(tiff(np.array([[0, 9]], kind), kind=2))
    with pytest.raises(DataError, match=r"int.tif: grey of 32 bits or with a sign, .* convert it to 8 or 16 bits"):
        check_all([tmp_path / "int.tif"])


@pytest.mark.parametrize("clear", [b"", b"\x21\xf9\x04\x01\x00\x00\x00\x00"])
def test_what_no_frame_covers_is_white(tmp_path: Path, clear: bytes) -> None:
    """A GIF image of 3x1 whose frame, green, covers the pixel in the middle; colour 0 is red (and transparent)."""
    palette, frame = bytes([255, 0, 0, 0, 255, 0] + [0] * 6), struct.pack("<4HB", 1, 0, 1, 1, 0)
    green = b"\x02\x02\x4c\x01\x00"  # 4: clear, 1, 5: end; three bits each
    head = b"GIF89a" + struct.pack("<HHBBB", 3, 1, 0x81, 0, 0) + palette
    (tmp_path / "a.gif").write_bytes(head + clear + b"\x2c" + frame + green + b"\x3b")
    assert pixels(tmp_path / "a.gif")[0].tolist() == [[255] * 3, [0, 255, 0], [255] * 3]


def test_numbers_of_eight_bits_with_a_sign_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(np.array([[-128, -1, 0, 127]], np.int8), kind=2))
    with pytest.raises(DataError, match=r"a\.tif: numbers with a sign"):
        read_rgb(tmp_path / "a.tif")


@pytest.mark.parametrize("order", ["II", "MM"])
def test_sixteen_bits_in_planes_which_pillow_shifts_are_refused(tmp_path: Path, order: str) -> None:
    values = np.arange(24, dtype=np.uint16).reshape(3, 2, 4) * 2000
    (tmp_path / "a.tif").write_bytes(planes(values, order))
    with pytest.raises(DataError, match=r"a\.tif: planes of 16 bits"):
        read_rgb(tmp_path / "a.tif")
    (tmp_path / "b.tif").write_bytes(planes((values >> 8).astype(np.uint8), order))
    assert (pixels(tmp_path / "b.tif") == (values >> 8).transpose(1, 2, 0)).all()


def test_compressed_floats_whose_bytes_pillow_swaps_twice_are_refused(tmp_path: Path) -> None:
    mask = np.array([[0.0, 1.0, 0.5, 1.0]], ">f4")  # read as numbers near 0: black
    data = zlib.compress(mask.tobytes())
    (tmp_path / "a.tif").write_bytes(tiff(mask, order="MM", kind=3, extra={259: 8, 279: len(data)}, data=data))
    with pytest.raises(DataError, match=r"a\.tif: floats that are compressed, with the highest byte first; store them"):
        read_rgb(tmp_path / "a.tif")
    (tmp_path / "b.tif").write_bytes(tiff(mask, order="MM", kind=3))
    assert grey_of(tmp_path / "b.tif") == [0, 255, 128, 255]


def test_a_colour_map_of_eight_bits_which_would_be_black_is_refused(tmp_path: Path) -> None:
    """Some programs write 8 bits where TIFF has 16."""
    for scale in (1, 257):
        colours = np.full((3, 256), 200 * scale, "<u2").tobytes()
        data = bytes([7, 9, 0, 0]) + colours
        extra = {262: 3, 279: 2, 320: 12}
        (tmp_path / "a.tif").write_bytes(tiff(np.zeros((1, 2), np.uint8), extra=extra, data=data, colours=768))
        if scale == 257:
            assert pixels(tmp_path / "a.tif").tolist() == [[[200] * 3] * 2]
            continue
        with pytest.raises(DataError, match=r"a\.tif: a colour map of 8 bits, where TIFF has 16"):
            check_all([tmp_path / "a.tif"])


@pytest.mark.parametrize(("content", "depth"), [(DEEP_JPEG_2000, 16), (SHALLOW_JPEG_2000, 4)])
def test_jpeg_2000_whose_white_pillow_turns_into_another_colour_is_refused(
    tmp_path: Path, content: str, depth: int
) -> None:
    """Black and white: white became 0 with 16 bits, 240 with 4."""
    (tmp_path / "a.jp2").write_bytes(b64decode(content))
    for read in (read_rgb, lambda path: check_all([path])):
        with pytest.raises(DataError, match=rf"a\.jp2: JPEG 2000 of depth {depth}; convert it to 8 bits"):
            read(tmp_path / "a.jp2")


def test_jpeg_2000_of_eight_bits_or_of_deep_grey_is_read(tmp_path: Path) -> None:
    colours = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    Image.fromarray(colours).save(tmp_path / "a.jp2")
    assert (pixels(tmp_path / "a.jp2") == colours).all()
    Image.fromarray(SIXTEEN).save(tmp_path / "b.jp2")
    assert grey_of(tmp_path / "b.jp2") == ROW


def test_a_clear_colour_of_sixteen_bits_which_pillow_compares_with_eight_is_refused(tmp_path: Path) -> None:
    clear, others = struct.pack(">3H", 0x1234, 0x1234, 0x1234), struct.pack(">3H", 0x3412, 0x3412, 0x3412)
    raw = b"\0" + clear + others
    (tmp_path / "a.png").write_bytes(png(raw, width=2, height=1, kind=2, transparency=clear))
    with pytest.raises(DataError, match=r"a\.png: 16-bit colours of which one is transparent"):
        check_all([tmp_path / "a.png"])
    (tmp_path / "b.png").write_bytes(png(raw, width=2, height=1, kind=2))
    assert pixels(tmp_path / "b.png")[0, :, 0].tolist() == [0x12, 0x34]


def test_sixteen_bits_a_colour_keep_their_brightness(tmp_path: Path) -> None:
    raw = b"".join(b"\0" + np.array([[65535, 32896, 0]] * 2, ">u2").tobytes() for _ in range(2))
    (tmp_path / "deep.png").write_bytes(png(raw, width=2, height=2, kind=2))
    assert pixels(tmp_path / "deep.png")[0, 0].tolist() == [255, 128, 0]


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


def tiff(
    values: NDArray[np.generic],
    *,
    order: str = "II",
    photometric: int = 1,
    kind: int = 1,
    bits: int = 0,
    width: int = 0,
    extra: Mapping[int, int] = MappingProxyType({}),
    data: bytes = b"",
    colours: int = 0,
) -> bytes:
    """A TIFF file of one strip of grey, with numbers of any kind (1: whole, 2: with a sign, 3: floats).

    ``extra`` are further tags, ``data`` what is stored for the values, ``colours`` the length of a colour map.
    """
    data = data or values.tobytes()
    tags = {
        256: width or values.shape[1], 257: values.shape[0], 258: bits or 8 * values.itemsize, 259: 1, 262: photometric,
        273: 8, 277: 1, 278: values.shape[0], 279: len(data), 339: kind,
    } | extra  # fmt: skip
    end = "<" if order == "II" else ">"
    entries = b"".join(
        struct.pack(f"{end}HHII", tag, *((3, colours) if tag == 320 else (4, 1)), value)
        for tag, value in sorted(tags.items())
    )
    head = order.encode() + struct.pack(f"{end}HI", 42, 8 + len(data))
    return head + data + struct.pack(f"{end}H", len(tags)) + entries + bytes(4)


def planes(values: NDArray[np.generic], order: str) -> bytes:
    """A TIFF file of (3, H, W) whole numbers, one plane after the other."""
    end = "<" if order == "II" else ">"
    data = [plane.astype(plane.dtype.newbyteorder(end)).tobytes() for plane in values]
    starts = [26 + 6 + len(data[0]) * number for number in range(3)]
    head = order.encode() + struct.pack(f"{end}HI", 42, starts[-1] + len(data[0]))
    lists = struct.pack(f"{end}3I3H", *starts, *[8 * values.itemsize] * 3) + bytes(6)
    tags = {
        256: (4, 1, values.shape[2]), 257: (4, 1, values.shape[1]), 258: (3, 3, 20), 259: (4, 1, 1), 262: (4, 1, 2),
        273: (4, 3, 8), 277: (4, 1, 3), 278: (4, 1, values.shape[1]), 279: (4, 1, len(data[0])), 284: (4, 1, 2),
    }  # fmt: skip
    entries = b"".join(struct.pack(f"{end}HHII", tag, *entry) for tag, entry in tags.items())
    return head + lists + b"".join(data) + struct.pack(f"{end}H", len(tags)) + entries + bytes(4)


def png(raw: bytes, *, width: int, height: int, kind: int, bits: int = 16, transparency: bytes = b"") -> bytes:
    """A PNG file of so many bits per channel; ``kind`` is its colour type."""
    from zlib import compress, crc32

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    clear = chunk(b"tRNS", transparency) if transparency else b""
    return b"\x89PNG\r\n\x1a\n" + head + clear + chunk(b"IDAT", compress(raw)) + chunk(b"IEND", b"")


def packed(values: list[int], bits: int) -> bytes:
    """A row of a PNG file, its filter first."""
    row = "".join(f"{value:0{bits}b}" for value in values)
    return b"\0" + int(row.ljust(-(-len(row) // 8) * 8, "0"), 2).to_bytes(-(-len(row) // 8), "big")

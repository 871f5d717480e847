"""Numbers of every depth become eight bits of the right brightness, or are refused with the reason."""

import struct
import zlib
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genocc.data.files import check_all
from genocc.data.rgb import read_rgb
from genocc.errors import DataError
from tests.data.image_files import grey_of, pixels, planes, png, tiff

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

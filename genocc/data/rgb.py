"""Whatever mode Pillow opens an image file in, as RGB of 8 bits: upright, scaled by its range, on white.

1. An orientation in the EXIF data is followed; EXIF data that cannot be read say nothing, as in every viewer.
2. 16-bit grey is scaled by its range (65,535, or what a TIFF file's bits allow); floats have to lie in 0..1.
   Whole numbers of other kinds (32 bits, signed) say nothing about their scale, and are refused.
   So is what Pillow reads wrongly: TIFF files of several 16-bit planes, of compressed floats with the highest byte
   first, and with a colour map of 8 bits; PNG files of 16-bit colours of which one is transparent; JPEG 2000 of
   colours, or of grey, that are not of 8 bits (grey of 10 to 16 is scaled); BMP files of 16 bits with an alpha bit.
3. What is transparent shows white, whatever colours lie hidden below it; so does what no frame of a GIF file covers.
   A BMP file that says of all of its pixels that they are transparent has none that are: many programs leave its
   fourth byte at 0.
4. Of an animation, or of several pages, the first is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ExifTags import Base
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    COLORMAP,
    COMPRESSION,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    SAMPLEFORMAT,
    TiffImageFile,
)

from genocc.errors import DataError

MAX_PIXELS = 1 << 26
FORMATS = ("JPEG", "PNG", "BMP", "DIB", "GIF", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF")
"""Formats that are read, whatever a file's name ends in; others may start programs, as EPS does."""
_SIXTEEN = ("I;16", "I;16L", "I;16B", "I;16N")
_TO_8_BITS: Mapping[str, Callable[[int], int]] = {
    "1": lambda value: 255 if value else 0,
    "L;2": lambda value: value * 85,
    "L;4": lambda value: value * 17,
}
"""Pillow's name of pixels in a PNG file that it makes 8 bits of -> what becomes of a value."""
_WHITE = (255, 255, 255, 255)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes an image upright, by its EXIF orientation."""
_CODESTREAM = b"\xff\x4f\xff\x51"
"""The markers that a JPEG 2000 image begins with, wherever in the file."""


def read_rgb(path: Path, *, coarse: bool = False) -> Image.Image:
    """Returns an image file as RGB.

    Args:
        path: The file.
        coarse: Whether a JPEG may be read at an eighth of its resolution, at a fraction of the cost.

    Raises:
        DataError: The file is not an image, is cut short, has too many pixels, or numbers without a known scale.
    """
    with opened(path) as image:
        if coarse:
            image.draft("RGB", (1, 1))
        _refuse_misread(image, path)
        _scale_transparent_colour(image)
        image.load()
        return _upright(image, _uncovered_white(image, _rgb(image, path)))


def image_size(path: Path) -> tuple[int, int]:
    """Returns height and width of an upright image; raises DataError as `read_rgb`."""
    with opened(path) as image:
        turned = _orientation(image) in (5, 6, 7, 8) and not isinstance(
            image, TiffImageFile
        )  # Pillow turns TIFF files itself
        return (image.width, image.height) if turned else (image.height, image.width)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Yields an image file whose size is within the limit; raises DataError for whatever fails in the context."""
    try:
        Image.init()
        # A stream: by their name, Pillow maps some TIFF files into memory and garbles those that lie on their side.
        with (
            open(path, "rb") as stream,
            Image.open(stream, formats=[name for name in FORMATS if name in Image.OPEN]) as image,
        ):
            if image.width * image.height > MAX_PIXELS:
                raise DataError(f"{path}: {image.width}x{image.height}; expected at most {MAX_PIXELS:,} pixels")
            yield image
    except DataError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from None
        # what decoders raise on broken files has no common class
        raise DataError(f"{path}: not an image that can be decoded: {error}; replace or remove the file") from None


def _scale_transparent_colour(image: Image.Image) -> None:
    """Scales the one grey of a PNG file that is transparent to 8 bits, as Pillow does with the pixels.

    Before the image is loaded: until then it says how many bits its pixels have.
    """
    clear = image.info.get("transparency")
    for tile in image.tile if isinstance(image, PngImageFile) else ():
        scaled = _TO_8_BITS.get(str(tile[3]))
        if scaled and isinstance(clear, int):
            image.info["transparency"] = scaled(clear)


def _upright(image: Image.Image, rgb: Image.Image) -> Image.Image:
    turn = _TURNS.get(_orientation(image))
    return rgb if turn is None else rgb.transpose(turn)


def _orientation(image: Image.Image) -> int:
    try:
        found = image.getexif().get(Base.Orientation)
    except Exception:  # Pillow ignores broken EXIF data in a JPEG and raises several kinds of errors in others
        return 1
    return found if isinstance(found, int) else 1


def _refuse_misread(image: Image.Image, path: Path) -> None:
    """Refuses what Pillow reads without an error and wrongly, before it is decoded; raises DataError."""
    problem = ""
    if isinstance(image, TiffImageFile):
        problem = _misread_tiff(image)
    elif isinstance(image, Jpeg2KImageFile):
        bits = _bits_of_jpeg_2000(image)
        if image.mode != "I;16" and bits - {8}:  # more bits overflow, so that white turns black; fewer stay dark
            problem = f"JPEG 2000 of depth {', '.join(map(str, sorted(bits)))}; convert it to 8 bits a colour"
    elif (
        isinstance(image, PngImageFile)
        and "transparency" in image.info
        and "RGB;16B" in [tile.args for tile in image.tile]
    ):
        problem = "16-bit colours of which one is transparent; convert it to 8 bits, or give it an alpha channel"
    elif isinstance(image, BmpImageFile) and _has_unread_alpha(image):
        problem = "16-bit colours of which some are transparent; convert it to PNG, or to 32 bits"
    if problem:
        raise DataError(f"{path}: {problem}")


def _misread_tiff(image: TiffImageFile) -> str:
    tags = image.tag_v2
    bits, signs, colours = (tags.get(tag, (1,)) for tag in (BITSPERSAMPLE, SAMPLEFORMAT, COLORMAP))
    if tags.get(PLANAR_CONFIGURATION) == 2 and len(bits) > 1 and max(bits) > 8:
        return "planes of 16 bits, one per colour; store the colours side by side, or 8 bits"
    if 2 in signs and image.mode != "I":
        return "numbers with a sign, which do not say what is white; convert it to 8 or 16 bits without one"
    if image.mode == "F" and tags.prefix == b"MM" and tags.get(COMPRESSION, 1) != 1:  # decoded, then swapped again
        return "floats that are compressed, with the highest byte first; store them without compression, or as 16 bits"
    if image.mode in ("P", "PA") and 0 < max(colours) < 256:  # which would all be black
        return "a colour map of 8 bits, where TIFF has 16; convert it to colours without a map"
    return ""


def _has_unread_alpha(image: BmpImageFile) -> bool:
    """Whether a BMP file of 16 bits has an alpha bit, which Pillow ignores, that differs between pixels."""
    head = _stored(image, 0, 70)
    start, header, bits, layout, mask = (
        int.from_bytes(head[first:end], "little") for first, end in ((10, 14), (14, 18), (28, 30), (30, 34), (66, 70))
    )
    if not (bits == 16 and layout == 3 and header >= 56 and mask):  # masks of the colours, and one of alpha
        return False
    row = (image.width + 1) // 2 * 2  # of a multiple of 4 bytes
    content = _stored(image, start, 2 * row * image.height)
    if len(content) < 2 * row * image.height:
        return False
    pixels = np.frombuffer(content, "<u2")
    alpha = pixels.reshape(image.height, row)[:, : image.width] & mask
    return bool(alpha.any() and not alpha.all())


def _bits_of_jpeg_2000(image: Jpeg2KImageFile) -> set[int]:
    """The depths of a JPEG 2000 image's components, which Pillow does not tell."""
    content = _stored(image, 0, -1)
    header = content.find(_CODESTREAM)
    count = int.from_bytes(content[header + 40 : header + 42]) if header >= 0 else 0
    return {1 + (value & 127) for value in content[header + 42 : header + 42 + 3 * count : 3]}


def _stored(image: ImageFile, start: int, size: int) -> bytes:
    """Bytes of the file of an open image, all from a place on with a size of -1; Pillow reads on where it was."""
    stream = image.fp
    assert stream is not None, "the file is open"
    place = stream.tell()
    stream.seek(start)
    content: bytes = stream.read(size)
    stream.seek(place)
    return content


def _rgb(image: Image.Image, path: Path) -> Image.Image:
    if image.mode in _SIXTEEN or image.mode in ("I", "F"):
        return _from_numbers(image, path)
    if image.has_transparency_data:
        if image.mode == "La":  # which has no other way on
            image = image.convert("LA")
        clear = image.convert("RGBA")
        if isinstance(image, BmpImageFile) and clear.getchannel("A").getextrema() == (0, 0):
            return clear.convert("RGB")
        return Image.alpha_composite(Image.new("RGBA", clear.size, _WHITE), clear).convert("RGB")
    return image.convert("RGB")


def _uncovered_white(image: Image.Image, rgb: Image.Image) -> Image.Image:
    """White around the first frame of a GIF file that is smaller than its image, which Pillow gives colour 0."""
    if not isinstance(image, GifImageFile) or image.dispose_extent == (0, 0, *image.size):
        return rgb
    whole = Image.new("RGB", rgb.size, _WHITE[:3])
    whole.paste(rgb.crop(image.dispose_extent), image.dispose_extent)
    return whole


def _from_numbers(image: Image.Image, path: Path) -> Image.Image:
    """Grey of more than 8 bits; Pillow's own conversion cuts it off at 255."""
    tags = image.tag_v2 if isinstance(image, TiffImageFile) else {}
    values = np.asarray(image).astype(np.float32)
    shares = values / _range(image, values, tags.get(BITSPERSAMPLE), path)
    if tags.get(PHOTOMETRIC_INTERPRETATION) == 0:  # white is zero, which Pillow heeds for 8 bits only
        shares = 1 - shares
    clear = image.info.get("transparency")  # the one grey that is transparent
    if isinstance(clear, int):
        shares[values == clear] = 1
    return Image.fromarray(np.rint(shares * 255).astype(np.uint8)).convert("RGB")


def _range(image: Image.Image, values: NDArray[np.float32], bits: object, path: Path) -> float:
    if image.mode == "F":
        low, high = float(values.min()), float(values.max())
        if not (low >= 0 and high <= 1):
            raise DataError(f"{path}: floats from {low:g} to {high:g}; expected 0 to 1, or an image of 8 or 16 bits")
        return 1
    if image.mode == "I" and image.format not in ("PNG", "PPM"):  # of these, Pillow makes 0..65,535
        raise DataError(
            f"{path}: grey of 32 bits or with a sign, which does not say what is white; convert it to 8 or 16 bits"
        )
    depth = bits[0] if isinstance(bits, tuple) else 16
    return float((1 << depth) - 1)

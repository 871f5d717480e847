"""Image files for tests of what reads them, byte by byte where Pillow writes no such file, and what is read of them."""

import struct
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from zlib import compress, crc32

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from genocc.data.rgb import read_rgb

Pixels = NDArray[np.uint8]


def write_image(path: Path, *, size: tuple[int, int] = (12, 12), shade: int = 100) -> None:
    """Writes an image of one colour, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, shade // 2, 0)).save(path)


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

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    clear = chunk(b"tRNS", transparency) if transparency else b""
    return b"\x89PNG\r\n\x1a\n" + head + clear + chunk(b"IDAT", compress(raw)) + chunk(b"IEND", b"")


def packed(values: list[int], bits: int) -> bytes:
    """A row of a PNG file, its filter first."""
    row = "".join(f"{value:0{bits}b}" for value in values)
    return b"\0" + int(row.ljust(-(-len(row) // 8) * 8, "0"), 2).to_bytes(-(-len(row) // 8), "big")

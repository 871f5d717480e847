"""Image files for tests of what reads them."""

from pathlib import Path

from PIL import Image


def write_image(path: Path, *, size: tuple[int, int] = (12, 12), shade: int = 100) -> None:
    """Writes an image of one colour, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, shade // 2, 0)).save(path)

"""What the tests of data sets share."""

from pathlib import Path

import pytest

from tests.data.image_files import write_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of ten images."""
    for name in ("cat", "dog"):
        for number in range(10):
            write_image(tmp_path / name / f"{number}.png", shade=10 * number)
    return tmp_path

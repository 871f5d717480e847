"""A data set of your own: a function from what is wanted (`DataRequest`) to images with labels (`DataSet`).

Here stripes of four directions are drawn; yours may read files, whose folder is ``request.folder``
(``--data stripes:FOLDER``). Registered in a package's pyproject.toml, every command knows it::

    [project.entry-points."genocc.datasets"]
    stripes = "my_package:stripes"

A folder with a folder of images for each class needs no code: ``genocc search --data FOLDER --input-size 64``.
"""

from __future__ import annotations

from pathlib import Path

import torch

import genocc
from genocc.data import DataRequest, DataSet, MemoryImages, register

DIRECTIONS = {"horizontal": (1, 0), "vertical": (0, 1), "falling": (1, 1), "rising": (1, -1)}


def stripes(request: DataRequest) -> DataSet:
    """Returns 800 training and 200 test images, noisy, the same in every run."""
    generator = torch.Generator().manual_seed(request.split_seed)
    height, width = request.sides(32)
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    planes = torch.stack([(down * row + right * column) % 4 < 2 for down, right in DIRECTIONS.values()])

    def draw(count: int) -> MemoryImages:
        labels = torch.arange(count) % len(DIRECTIONS)
        noise = torch.randint(0, 128, (count, height, width, 3), generator=generator)
        return MemoryImages((planes[labels][..., None] * 96 + noise).to(torch.uint8), labels)

    # mirrored, a falling stripe rises: images are not to be flipped
    return DataSet("stripes", tuple(DIRECTIONS), (0.44,) * 3, (0.24,) * 3, draw(800), draw(200), flip=False)


register("stripes", stripes)


def main(out: str | Path = "runs/examples/stripes", epochs: int = 6) -> None:
    """Searches on the stripes."""
    found = genocc.search(out, data="stripes", preset="quick", epochs=epochs, resume=Path(out).exists())
    print(f"{found.genotype.name}: {found.validation_accuracy:.1%} of the validation images")


if __name__ == "__main__":
    main()

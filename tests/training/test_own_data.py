"""A run knows its images: in another place it goes on, with others it does not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import genocc
from genocc.errors import GenoccError
from genocc.exporters import torch as torch_target
from genocc.runs.progress import Progress
from genocc.runs.reading import read_config
from genocc.training.training import run_training
from tests.data.image_files import write_image
from tests.training.tiny import GENOTYPE, tiny

SETTINGS = ("data.name=imagefolder", "data.size=8x12", "data.training=1", "data.cutout=0", "schedule.epochs=1",
            "schedule.batch_size=8", "network.layers=1", "average.decay=none")  # fmt: skip


def photos(folder: Path) -> Path:
    """Two classes of ten oblong images."""
    for name in ("cat", "dog"):
        for number in range(10):
            write_image(folder / name / f"{number}.png", size=(12, 8), shade=10 * number)
    return folder


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, and a run on them whose end was cut off."""
    folder = tmp_path_factory.mktemp("unfinished")
    config = tiny(*SETTINGS, f"data.folder={photos(folder / 'photos')}")
    run_training(GENOTYPE, config, folder / "run", device="cpu")
    (folder / "run" / "last.safetensors").unlink()
    return folder


@pytest.fixture
def moved(unfinished: Path, tmp_path: Path) -> Path:
    """A copy of both in another place, the images renamed."""
    shutil.copytree(unfinished / "run", tmp_path / "run")
    shutil.copytree(unfinished / "photos", tmp_path / "pictures")
    return tmp_path


def test_a_net_of_oblong_images_is_trained_and_keeps_their_shape(unfinished: Path) -> None:
    assert torch_target.load(unfinished / "run" / "best.safetensors").config.input_size == (8, 12)
    assert read_config(unfinished / "run", "train")["data"]["size"] == [8, 12]


def test_a_run_goes_on_with_its_data_in_another_place(moved: Path) -> None:
    result = genocc.train(out=moved / "run", data=str(moved / "pictures"), resume=True, device="cpu")
    assert result.config.data.folder == moved / "pictures"
    assert (moved / "run" / "last.safetensors").exists()
    assert genocc.train(out=moved / "run", resume=True).config == result.config
    assert genocc.evaluate(moved / "run").accuracy.images == 4


def renamed(pictures: Path) -> None:
    (pictures / "cat").rename(pictures / "eel")


def deleted(pictures: Path) -> None:
    (pictures / "cat" / "3.png").unlink()


def added(pictures: Path) -> None:
    write_image(pictures / "dog" / "new.png")


def too_few(pictures: Path) -> None:
    for number in range(9):
        (pictures / "cat" / f"{number}.png").unlink()


def replaced(pictures: Path) -> None:
    write_image(pictures / "dog" / "3.png", size=(40, 40))


def another(pictures: Path) -> None:
    (pictures / "cat" / "0.png").rename(pictures / "cat" / "x.png")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (renamed, "images are not those that the run began with: class 'cat' is gone and class 'eel' is new"),
        (deleted, r"class 'cat' has 9 images \(.*\), and had 10"),
        (added, r"class 'dog' has 11 images \(.*\), and had 10"),
        (replaced, "the files of class 'dog' have other names or sizes"),
        (another, "the files of class 'cat' have other names or sizes"),
        (too_few, "class 'cat' has 1 image; expected at least 2"),
        (
            shutil.rmtree,
            "no such folder; check the path; .* if the images have moved, name their place: --resume --data",
        ),
    ],
)
def test_data_that_changed_are_named(moved: Path, change: Callable[[Path], object], message: str) -> None:
    before = read_config(moved / "run", "train")
    change(moved / "pictures")
    with pytest.raises(GenoccError, match=message):
        genocc.train(out=moved / "run", data=str(moved / "pictures"), resume=True, device="cpu")
    assert read_config(moved / "run", "train") == before


def test_the_middle_of_images_of_another_shape_is_taken_and_said(moved: Path) -> None:
    class Heard(Progress):
        text = ""

        def message(self, text: str) -> None:
            self.text += text

    heard = Heard()
    config = tiny(*SETTINGS, f"data.folder={moved / 'pictures'}", "data.size=none")
    run_training(GENOTYPE, config, moved / "square", device="cpu", progress=heard)
    assert "of 20 of 20 images, whose shape is another, the middle square is taken; a search or training" in heard.text

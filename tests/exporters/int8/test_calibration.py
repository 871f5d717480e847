"""Images to calibrate on, and others to measure on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from genocc import NetworkConfig, open
from genocc.compiler import make_exporter
from genocc.data.settings import load_data
from genocc.errors import DataError
from genocc.exporters.int8.calibration import read_calibration
from genocc.provenance import Provenance
from genocc.training.evaluation import evaluation_images
from genocc.training.result import read_training
from genocc.training.trainer import training_parts
from genocc.training.training import run_training
from tests.data.image_files import write_image
from tests.training.tiny import GENOTYPE, tiny


def test_a_run_brings_its_own_images(training_run: Path) -> None:
    source = open(training_run)
    assert source.provenance is not None
    found = read_calibration(str(training_run), source.provenance, 10)
    wanted = read_training(training_run)[0].data
    data = load_data(wanted)
    assert found.images.shape == (10, 3, 8, 8)
    assert len(training_parts(data, wanted)[0]) == 40
    held_out = [images for images, _ in found.held_out()]
    assert sum(map(len, held_out)) == len(data.test)
    assert len(read_calibration(str(training_run), source.provenance, 1000).images) == 40
    mean, std = (np.array(values).reshape(-1, 1, 1) for values in source.provenance.normalization or ())
    pixels = (np.concatenate(held_out) * std + mean) * 255
    expected = evaluation_images(found.net, data).pixels.permute(0, 3, 1, 2)  # type: ignore[attr-defined]
    np.testing.assert_allclose(pixels, expected, atol=0.01)


def test_images_are_as_the_file_takes_them() -> None:
    config = NetworkConfig(channels=4, layers=2, input_size=(8, 12), classes=10)
    provenance = Provenance(GENOTYPE, config, normalize=((0.5,) * 3, (0.5,) * 3), uint8_input=True)
    found = read_calibration("fake", provenance, 4)
    assert found.images.dtype == np.uint8
    assert found.images.shape == (4, 3, 8, 12)


def test_images_in_another_place_are_divided_as_in_the_training(tmp_path: Path) -> None:
    for kind in ("a", "b"):
        for number in range(20):
            write_image(tmp_path / "images" / kind / f"{number}.png", shade=12 * number)
    settings = (
        "data.split_seed=3",
        "data.training=1.0",
        "schedule.epochs=1",
        "data.name=imagefolder",
        f"data.folder={tmp_path / 'images'}",
    )
    run = run_training(GENOTYPE, tiny(*settings), tmp_path / "run", device="cpu").path
    source = open(run)
    assert source.provenance is not None
    shutil.copytree(tmp_path / "images", tmp_path / "moved")
    pixels = [
        np.concatenate([images for images, _ in read_calibration(text, source.provenance, 4, of).held_out()])
        for text, of in ((str(run), None), (str(tmp_path / "moved"), str(run)), (str(tmp_path / "moved"), None))
    ]
    assert np.array_equal(pixels[0], pixels[1])
    assert not np.array_equal(pixels[0], pixels[2])
    other = tmp_path / "other"
    for kind in ("a", "b"):
        for number in range(10):
            write_image(other / kind / f"{number}.png", shade=12 * number)
    remarks = [
        read_calibration(text, source.provenance, 4, of).remark
        for text, of in (
            (str(run), None),
            (str(tmp_path / "moved"), str(run)),
            (str(tmp_path / "moved"), None),
            (str(other), str(run)),
        )
    ]
    assert [remark[:52] for remark in remarks] == [
        "",
        "",
        "the folder has no test part, and split seed 0 choose",
        "the folder has no test part, and split seed 3 choose",
    ]
    exporter = make_exporter("onnx", source, precision="int8", calibrate=str(tmp_path / "moved"))
    assert (exporter.calibrate, exporter.run) == (str(tmp_path / "moved"), str(run))  # type: ignore[attr-defined]


def test_other_classes_are_refused(cifar_folder: Path) -> None:
    config = NetworkConfig(channels=4, layers=2, input_size=(8, 8))
    names = tuple(f"number {n}" for n in range(10))
    with pytest.raises(DataError, match=r"calls class 0 'number 0'; data set 'imagefolder' calls it 'airplane'"):
        read_calibration(str(cifar_folder), Provenance(GENOTYPE, config, class_names=names), 4)
    few = NetworkConfig(channels=4, layers=2, input_size=(8, 8), classes=7)
    with pytest.raises(DataError, match=r"has 7 classes; data set 'fake' has 10"):
        read_calibration("fake", Provenance(GENOTYPE, few), 4)
    with pytest.raises(DataError, match=r"^--calibrate nonsense: there is neither a data set nor a folder"):
        read_calibration("nonsense", Provenance(GENOTYPE, config), 4)

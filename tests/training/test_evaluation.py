"""Accuracy: against sorting by hand, ties, outputs that are no numbers, few classes, and sums over batches."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from genocc import weights
from genocc.data import DataRequest, load
from genocc.errors import DataError
from genocc.runs.own_files import training_text
from genocc.training.evaluation import Accuracy, counts, evaluate, measure
from tests.data.image_files import write_image

VALUES = st.sampled_from([-math.inf, -1.0, 0.0, 0.5, 2.0, math.inf, math.nan])


def by_hand(rows: list[list[float]], labels: list[int], top: int) -> float:
    """The share of rows whose label is among the first ``top`` of a stable sort; rows with a NaN are wrong."""
    right = 0
    for row, label in zip(rows, labels, strict=True):
        order = sorted(range(len(row)), key=lambda number: -row[number])
        right += not any(map(math.isnan, row)) and label in order[:top]
    return right / len(rows)


@given(st.data(), st.integers(2, 9), st.integers(1, 12))
def test_it_is_what_sorting_by_hand_finds(data: st.DataObject, classes: int, images: int) -> None:
    rows = data.draw(st.lists(st.lists(VALUES, min_size=classes, max_size=classes), min_size=images, max_size=images))
    labels = data.draw(st.lists(st.integers(0, classes - 1), min_size=images, max_size=images))
    found = Accuracy.of(counts(torch.tensor(rows), torch.tensor(labels)), classes)
    assert found.images == images
    assert found.top1 == by_hand(rows, labels, 1)
    assert found.top5 == (by_hand(rows, labels, 5) if classes > 5 else None)


def test_a_net_that_says_the_same_of_all_classes_scores_chance() -> None:
    found = measure(lambda images: torch.zeros(len(images), 10), [(torch.zeros(20, 1), torch.arange(20) % 10)])
    assert found == Accuracy(20, 0.1, 0.5)


def test_batches_of_any_size_add_up_and_no_gradient_is_kept() -> None:
    outputs, labels = torch.randn(23, 7, generator=torch.Generator().manual_seed(0)), torch.arange(23) % 7
    grads = []

    def net(images: Tensor) -> Tensor:
        grads.append(torch.is_grad_enabled())
        return outputs[images.long()]

    whole, parts = (
        measure(net, zip(torch.arange(23).split(size), labels.split(size), strict=True)) for size in (23, 5)
    )
    assert whole == parts
    assert grads == [False] * 6
    assert whole.to_dict() == {"top1": whole.top1, "top5": whole.top5, "images": 23}


def test_no_images_are_an_error() -> None:
    with pytest.raises(DataError, match="no images"):
        measure(lambda images: images, [])


def test_a_share_of_the_middle_that_is_none_is_refused(training_run: Path) -> None:
    for share in (0.0, 1.5):
        with pytest.raises(DataError, match=f"--center-crop {share:g}: expected a share of the side"):
            evaluate(training_run, center_crop=share)


def test_a_share_of_the_middle_without_effect_is_noted(training_run: Path) -> None:
    notes: list[str] = []
    evaluate(training_run, center_crop=0.5, note=notes.append)
    assert [note for note in notes if "--center-crop has no effect" in note]


def test_another_data_set_is_not_looked_for_in_the_folder_of_the_run(training_run: Path, tmp_path: Path) -> None:
    moved = Path(copytree(training_run, tmp_path / "moved"))
    config = (moved / "config.json").read_text()
    assert '"folder": null' in config
    (moved / "config.json").write_text(config.replace('"folder": null', '"folder": "images"'))
    assert evaluate(moved, data="fake").data == "fake"
    with pytest.raises(DataError, match=r"cifar10: not found whole in .*cache"):
        evaluate(moved, data="cifar10")


def note_images(run: Path, known: Mapping[str, Any]) -> None:
    """Makes a run one on other images, which its configuration notes and its weights say."""
    content, best = json.loads((run / "config.json").read_text()), run / "best.safetensors"
    (run / "config.json").write_text(json.dumps({**content, "known_data": known}))
    text = training_text(content["config"], known)
    weights.save(weights.load(best), best, {**weights.metadata(best), "training": text})


def test_images_that_are_not_those_of_the_training_are_noted(training_run: Path, tmp_path: Path) -> None:
    moved = Path(copytree(training_run, tmp_path / "moved"))
    config = json.loads((moved / "config.json").read_text())
    config["known_data"]["train"][0] += 1
    note_images(moved, config["known_data"])
    notes: list[str] = []
    evaluate(moved, note=notes.append)
    assert [note for note in notes if "the images are not those of the training: class" in note]
    del config["known_data"]  # of an earlier version
    (moved / "config.json").write_text(json.dumps(config))
    notes.clear()
    evaluate(moved, note=notes.append)
    evaluate(training_run, note=notes.append)
    assert not [note for note in notes if "the images" in note]


def test_a_training_that_has_not_ended_is_said_to_be_one(training_run: Path, tmp_path: Path) -> None:
    run, notes = Path(copytree(training_run, tmp_path / "run")), list[str]()
    evaluate(run, note=notes.append)
    assert not notes
    (run / "last.safetensors").unlink()
    evaluate(run, note=notes.append)
    assert notes == [f"{run}: the training is not finished; these are the best weights of its first 3 epochs"]


def test_what_split_seed_chooses_is_said(training_run: Path, tmp_path: Path) -> None:
    for name in load(DataRequest("fake", size=8)).classes:
        for number in range(5):
            write_image(tmp_path / name / f"{number}.png")
    best, own = training_run / "best.safetensors", Path(copytree(training_run, tmp_path / ".run"))
    note_images(own, load(DataRequest("imagefolder", tmp_path, size=8)).identity())
    for net, data, seed, expected in (
        (training_run, tmp_path, None, ["no test part, and split seed 0 chooses"]),
        (training_run, tmp_path, 1, ["no test part, and split seed 1 chooses"]),
        (own, tmp_path, None, []),
        (own, tmp_path, 0, []),
        (own, tmp_path, 1, ["the training chose its test images with split seed 0, not 1"]),
        (best, tmp_path, None, ["no test part, and split seed 0 chooses"]),
        (training_run, "fake", 1, ["--split-seed has no effect"]),
        (best, "fake", None, []),
    ):
        notes: list[str] = []
        evaluate(net, data=str(data), split_seed=seed, note=notes.append)
        found = [note for note in notes if "split" in note]
        assert len(found) == len(expected)
        assert all(part in note for part, note in zip(expected, found, strict=True))

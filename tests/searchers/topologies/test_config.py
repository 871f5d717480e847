"""The settings of a ranking, and its images."""

from __future__ import annotations

import pytest
import torch

from genocc.data import DataRequest, load
from genocc.searchers.topologies.config import RankingConfig, load_parts
from genocc.training.config import TrainConfig
from genocc.training.trainer import training_parts


@pytest.mark.parametrize("validation", [0.25, 300])
def test_no_net_is_trained_on_the_images_that_rank_it_nor_ranked_by_test_images(validation: float) -> None:
    training = TrainConfig.make("quick", data={"name": "digits", "size": 8})
    found, original = (
        load_parts(RankingConfig(validation=validation, training=training)),
        load(DataRequest("digits", size=8)),
    )
    assert len(found.train) + len(found.test) == len(original.train)
    assert len(found.test) == (300 if validation > 1 else round(validation * len(original.train)))
    parts = (found.train, found.test, original.train)
    pixels = [part.start(torch.arange(len(part)), 0, False, None)().flatten(1).numpy() for part in parts]
    rest, held, every = (sorted(image.tobytes() for image in part) for part in pixels)
    assert sorted(rest + held) == every


@pytest.mark.parametrize(("asked", "expected"), [(0.5, 719), (40, 40)])
def test_nets_are_trained_on_the_share_of_all_training_images_that_is_asked_for(asked: float, expected: int) -> None:
    training = TrainConfig.make("quick", data={"name": "digits", "size": 8, "training": asked})
    config = RankingConfig(training=training)
    images, held = training_parts(load_parts(config), config.of_each().data)
    assert (len(images), held) == (expected, None)
    assert config.of_each().schedule == training.schedule

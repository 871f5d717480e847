"""Settings of a training: how the network is made of them, and combinations that are refused."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from genocc.network import NetworkConfig
from genocc.training.settings import OptimizerConfig, TargetConfig, TrainingScheduleConfig

SIZES = {"classes": 7, "input_size": (24, 24), "input_channels": 1}


def test_the_network_has_the_sizes_of_the_images_and_the_skeletons_defaults() -> None:
    found = TargetConfig(channels=5, layers=6, auxiliary=False).network(**SIZES)
    assert found == NetworkConfig(
        channels=5, layers=6, classes=7, input_size=(24, 24), input_channels=1, auxiliary=False
    )
    imagenet = TargetConfig(skeleton="imagenet").network(**SIZES)
    assert (imagenet.stem_stride, imagenet.auxiliary, imagenet.auxiliary_bn) == (8, True, False)
    assert TargetConfig(skeleton="imagenet", auxiliary_bn=True).network(**SIZES).auxiliary_bn


def test_a_warm_up_fits_into_the_epochs() -> None:
    assert TrainingScheduleConfig(epochs=5, warmup=5).warmup == 5
    with pytest.raises(ValidationError, match="the learning rate would not come to its height; choose fewer epochs"):
        TrainingScheduleConfig(epochs=4, warmup=5)


def test_a_part_is_frozen_and_has_no_unknown_fields() -> None:
    part = OptimizerConfig()
    with pytest.raises(ValidationError, match="frozen"):
        part.momentum = 0.5  # type: ignore[misc]
    with pytest.raises(ValidationError, match="amsgrad"):
        OptimizerConfig(amsgrad=True)  # type: ignore[call-arg]


def test_nesterovs_momentum_is_that_of_pytorch() -> None:
    parameter = torch.nn.Parameter(torch.ones(1))
    assert OptimizerConfig(nesterov=True).optimizer([parameter]).param_groups[0]["nesterov"] is True
    assert OptimizerConfig().optimizer([parameter]).param_groups[0]["nesterov"] is False
    with pytest.raises(ValidationError, match="there is none to look ahead with"):
        OptimizerConfig(nesterov=True, momentum=0)

"""The skeleton around the super-cells."""

import pytest

from genocc.errors import NetworkError
from genocc.network import NetworkConfig
from genocc.searchers.interface import DataShape
from genocc.searchers.parts.skeleton import SuperNetConfig


def test_sizes_come_from_the_data_and_the_rest_from_the_settings() -> None:
    found = SuperNetConfig(channels=8, layers=5).network(DataShape(7, 1, (20, 24)))
    assert found == NetworkConfig(channels=8, layers=5, classes=7, input_channels=1, input_size=(20, 24))
    assert not found.auxiliary


def test_the_stem_of_the_skeleton_unless_another_is_asked_for() -> None:
    data = DataShape(200, 3, (64, 64))
    assert SuperNetConfig().network(data).stem_stride == 1
    assert SuperNetConfig(stem_stride=2).network(data).stem_stride == 2, "EC-DARTS 5.4, Tiny-ImageNet"
    assert SuperNetConfig(skeleton="imagenet").network(DataShape(1000, 3, (224, 224))).stem_stride == 8


def test_a_stem_that_the_skeleton_does_not_have_is_refused() -> None:
    with pytest.raises(NetworkError, match="stem_stride 4 does not exist in skeleton 'cifar'; expected 1, 2"):
        SuperNetConfig(stem_stride=4).network(DataShape(10))

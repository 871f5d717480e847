"""Spaces: which operations compete."""

from __future__ import annotations

import json

import pytest

from genocc.errors import ConfigError
from genocc.searchers.config import SearchConfig
from genocc.searchers.parts.space import SpaceConfig


def test_a_search_space_is_also_a_list_of_operations() -> None:
    config = SearchConfig.make("darts", "quick", ['space=["none", "skip_connect", "conv_3x3"]'])
    assert config.space.operations == ("none", "skip_connect", "conv_3x3")
    assert SearchConfig.from_dict(json.loads(config.model_dump_json())) == config
    for names, reason in (
        ('["skip_connect", "conv_4x4"]', "unknown operation 'conv_4x4'"),
        ('["conv_3x3", "conv_3x3"]', "expected distinct operations"),
        ('["none"]', "at least one besides 'none'"),
        ("[]", "at least one besides 'none'"),
    ):
        with pytest.raises(ConfigError, match=reason):
            SearchConfig.make("darts", "quick", [f"space={names}"])
    with pytest.raises(ConfigError, match="list the pool that you want"):
        SearchConfig.make("darts", "quick", ['space=["conv_3x3"]', "space.pool=avg"])
    with pytest.raises(ConfigError, match="use a list without it"):
        SearchConfig.make("entrannas-dst", "quick", ['space=["none", "conv_3x3"]'])


def test_ss1_to_ss8_have_the_pool_that_is_asked_for() -> None:
    """eDARTS, Table I and III-A."""
    for number in range(1, 9):
        largest, mean = (SpaceConfig(name=f"ss{number}", pool=pool).operations for pool in ("max", "avg"))
        assert "max_pool_3x3" in largest
        assert mean == tuple(name.replace("max_pool", "avg_pool") for name in largest)
        assert {"none", "skip_connect"} <= set(largest)


@pytest.mark.parametrize("name", ["darts", "extended", "ss1", "ss8"])
def test_no_zero_is_the_same_space_without_none(name: str) -> None:
    whole = SpaceConfig(name=name).operations
    assert SpaceConfig(name=f"{name}-no-zero").operations == tuple(op for op in whole if op != "none")
    assert whole.count("none") == 1


def test_sizes_of_the_spaces_of_the_papers() -> None:
    assert len(SpaceConfig().operations) == 8, "DARTS"
    assert len(SpaceConfig(name="extended-no-zero").operations) == 12, "EnTranNAS, Table 8"

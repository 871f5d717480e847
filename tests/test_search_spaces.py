"""Search spaces: their sizes as the papers print them, and names that do not exist."""

from __future__ import annotations

import pytest

from genocc.errors import GenoccError
from genocc.operations import OPERATIONS
from genocc.search_spaces import SEARCH_SPACES, search_space


def test_search_spaces() -> None:
    assert {name: len(ops) for name, ops in SEARCH_SPACES.items()} == {
        "darts": 8, "darts-no-zero": 7, "extended": 13,
        "ss1": 5, "ss2": 5, "ss3": 5, "ss4": 5, "ss5": 5, "ss6": 5, "ss7": 6, "ss8": 6, "nas-bench-201": 5,
    }  # fmt: skip
    assert "none" not in SEARCH_SPACES["darts-no-zero"]
    assert [op.name for op in search_space("ss3", pool="avg")] == [
        "none", "skip_connect", "avg_pool_3x3", "sep_conv_3x3", "sep_conv_5x5"
    ]  # fmt: skip
    assert {op.name for op in search_space("extended")} == {*OPERATIONS} - {"sep_conv_7x7"}


@pytest.mark.parametrize(("name", "pool"), [("dart", "max"), ("darts", "avg"), ("ss1", "median")])
def test_search_spaces_that_do_not_exist(name: str, pool: str) -> None:
    with pytest.raises(GenoccError):
        search_space(name, pool)


def test_a_list_of_operations_is_a_space() -> None:
    assert [op.name for op in search_space(["none", "conv_1x1"])] == ["none", "conv_1x1"]
    with pytest.raises(GenoccError, match="pool=avg does not apply to a list of operations"):
        search_space(["conv_1x1"], pool="avg")
    with pytest.raises(GenoccError, match="unknown operation 'conv_11'; did you mean 'conv_1x1'"):
        search_space(["conv_11"])


@pytest.mark.parametrize("name", ["darts", "extended", "ss1", "ss8"])
def test_no_zero_leaves_none_out(name: str) -> None:
    assert search_space(f"{name}-no-zero") == tuple(op for op in search_space(name) if op.name != "none")

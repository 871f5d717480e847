"""``genocc ops``."""

from __future__ import annotations

import json

from genocc.operations import OPERATIONS
from genocc.search_spaces import SEARCH_SPACES
from tests.cli.commands import run


def test_every_operation_and_search_space_is_listed() -> None:
    output = run("ops").output
    assert all(f" {name} " in output for name in OPERATIONS)
    assert all(f"  {name}: {', '.join(members)}" in output for name, members in SEARCH_SPACES.items())


def test_parameters_are_formulas_of_the_channels() -> None:
    ops = {entry["name"]: entry for entry in json.loads(run("ops", "--json").output)}
    assert ops.keys() == OPERATIONS.keys()
    assert ops["sep_conv_3x3"]["parameters"] == "2C² + 22C"

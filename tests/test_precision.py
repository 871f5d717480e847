"""What a lower precision costs and gains, in figures and in one line."""

from __future__ import annotations

import json
from dataclasses import replace

from genocc.precision import Accuracies, DropError, Tradeoff

SAME = Accuracies("digits", 359, 300, 0.9, 0.895, 0.99, 0.5)


def test_the_drop_is_in_points() -> None:
    assert round(SAME.drop, 9) == 0.5
    assert SAME.ok
    assert not replace(SAME, lower=0.894).ok
    assert replace(SAME, lower=0.95, max_drop=0).ok


def test_a_file_is_slower_where_timings_cannot_explain_it() -> None:
    found = Tradeoff("int8", "ONNX Runtime", 0.3, {1: 0.97, 16: 0.8}, SAME, ("stem.conv",))
    assert found.slower == (16,)
    figures = json.loads(json.dumps(found.to_dict()))
    assert figures["speed"] == {"1": 0.97, "16": 0.8}
    assert figures["kept_in_float"] == ["stem.conv"]
    assert figures["accuracies"]["agreement"] == 0.99


def test_a_file_that_loses_too_much_names_its_costliest_layers() -> None:
    costs = {f"layer{number}": 0.5 / (number + 1) for number in range(8)}
    message = str(DropError("net.onnx", replace(SAME, lower=0.87), costs, 4))
    assert message.startswith("net.onnx: not written: int8 drops 3.00 points of top-1 (90.00% to 87.00% on 359 images")
    assert "even with the 4 costliest of 8 layers in float, more than --max-drop 0.5" in message
    assert "layer0 (50.0%), layer1 (25.0%)" in message
    assert "layer5" not in message

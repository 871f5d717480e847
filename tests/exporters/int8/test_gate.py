"""The gate: a file that loses too much gets its costliest layers in float, or is not written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genocc.exporters.int8 import gate
from genocc.exporters.int8.calibration import Calibration
from genocc.exporters.int8.gate import quantize_within
from genocc.precision import DropError

LABELS = np.arange(200) % 10


class Stub:
    """A quantizer of four layers, each of which makes as many errors as it costs."""

    layers = ("a", "b", "c", "d")
    wrong: Mapping[str, int] = {"a": 1, "b": 8, "c": 2, "d": 0}

    def __init__(self) -> None:
        self.tried: list[tuple[str, ...]] = []

    def write(self, path: Path, kept: Collection[str] = ()) -> int:
        self.tried.append(tuple(kept))
        return 100 + len(kept)

    def costs(self, images: Any) -> Mapping[str, float]:
        return {name: count / 100 for name, count in self.wrong.items()}


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    made = Stub()

    def predictions(path: Path, calibration: Any, runtime: str) -> Any:
        errors = 0 if path.name == "float32" else sum(n for k, n in Stub.wrong.items() if k not in made.tried[-1])
        found = LABELS.copy()
        found[:errors] += 1
        return found % 10

    monkeypatch.setattr(gate, "_predictions", predictions)
    return made


class Images(Calibration):
    def held_out(self, batch: int = 64) -> Any:
        yield np.zeros((200, 1)), LABELS


class Named:
    name = "numbers"


def tried(stub: Stub, max_drop: float) -> gate.Passed:
    images = Images(Named(), None, np.zeros((50, 1)))  # type: ignore[arg-type]
    return quantize_within(stub, images, Path("float32"), Path("new"), max_drop, "onnxruntime", "net.onnx")


def test_a_good_file_is_taken_as_it_is(stub: Stub) -> None:
    found = tried(stub, 6)
    assert stub.tried == [()]
    assert (found.operators, found.kept) == (100, ())
    assert round(found.accuracies.drop, 6) == 5.5
    assert found.accuracies.agreement == 1 - 11 / 200
    assert (found.accuracies.images, found.accuracies.calibrated) == (200, 50)


def test_the_costliest_layers_are_kept_in_float(stub: Stub) -> None:
    found = tried(stub, 1.5)
    assert stub.tried == [(), ("b",)]
    assert found.kept == ("b",)
    assert round(found.accuracies.drop, 6) == 1.5


def test_a_file_that_stays_bad_is_not_written(stub: Stub) -> None:
    with pytest.raises(
        DropError, match=r"drops 0\.50 points .* with the 2 costliest of 4 layers in float.*: b \(8\.0%\)"
    ):
        tried(stub, 0.1)
    assert stub.tried == [(), ("b",), ("b", "c")]

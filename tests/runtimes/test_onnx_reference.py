"""ONNX's reference evaluator on models whose outputs are known."""

from __future__ import annotations

import numpy as np
import pytest

from genocc.errors import TargetError
from genocc.runtimes.onnx_reference import interpret
from tests.runtimes.onnx_models import IMAGES, logits, model, probabilities


@pytest.mark.parametrize(("softmax", "expected"), [(False, logits()), (True, probabilities())])
def test_outputs_come_with_the_logits_without_the_bias(softmax: bool, expected: np.ndarray) -> None:
    outputs, response = interpret(model(softmax=softmax), IMAGES, "a.onnx")
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)
    np.testing.assert_allclose(response, logits(bias=False), rtol=1e-6)


def test_what_it_cannot_run_is_one_line() -> None:
    broken = model()
    broken.graph.node[0].op_type = "Nonsense"
    with pytest.raises(TargetError, match=r"^a\.onnx: ONNX reference evaluator cannot run it: .*Nonsense") as caught:
        interpret(broken, IMAGES, "a.onnx")
    assert len(str(caught.value).splitlines()) == 1


def test_images_of_another_shape_are_refused() -> None:
    with pytest.raises(TargetError, match=r"^a\.onnx: ONNX reference evaluator cannot run it: "):
        interpret(model(), IMAGES[:, :2], "a.onnx")

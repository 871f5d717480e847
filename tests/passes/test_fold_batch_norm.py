"""fold-batch-norm: BN goes into the convolution before it."""

import numpy as np
import pytest

from genocc.passes import PASSES, Parameters
from tests.graph_text import parse
from tests.passes.rewriting import lines, rewrite, unchanged

PASS = PASSES["fold-batch-norm"]


def test_a_convolution_and_the_concat_of_a_factorized_reduce() -> None:
    text = """
        %x = input() channels=2 height=4 width=4
        %a.conv = conv2d(%x) channels=3 kernel=3x3 pads=1x1x1x1
        %a.bn = batch_norm(%a.conv)
        %b.conv1 = conv2d(%a.bn) channels=1 kernel=1x1 stride=2x2
        %b.conv2 = conv2d(%a.bn) channels=2 kernel=1x1 stride=2x2 bias=True
        %b.concat = concat(%b.conv1, %b.conv2)
        %b.bn = batch_norm(%b.concat)
        return y = %b.bn
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=2 height=4 width=4 : (N, 2, 4, 4)
        %a.conv = conv2d(%x) channels=3 kernel=3x3 pads=1x1x1x1 bias=True : (N, 3, 4, 4)
        %b.conv1 = conv2d(%a.conv) channels=1 kernel=1x1 stride=2x2 bias=True : (N, 1, 2, 2)
        %b.conv2 = conv2d(%a.conv) channels=2 kernel=1x1 stride=2x2 bias=True : (N, 2, 2, 2)
        %b.concat = concat(%b.conv1, %b.conv2) : (N, 3, 2, 2)
        return y = %b.concat
        """
    )


def test_depthwise_convolutions_and_bn_without_affine() -> None:
    text = """
        %x = input() channels=2 height=4 width=4
        %a.conv = conv2d(%x) channels=2 kernel=3x3 pads=1x1x1x1 groups=2
        %a.bn = batch_norm(%a.conv) affine=False epsilon=0.1
        return y = %a.bn
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=2 height=4 width=4 : (N, 2, 4, 4)
        %a.conv = conv2d(%x) channels=2 kernel=3x3 pads=1x1x1x1 groups=2 bias=True : (N, 2, 4, 4)
        return y = %a.conv
        """
    )


@pytest.mark.parametrize(
    "rest",
    [
        "%add = add(%bn, %conv)\n return y = %add",  # the convolution has another reader,
        "return y = %bn\n return z = %conv",  # or is itself returned
    ],
)
def test_a_convolution_that_is_read_elsewhere_keeps_its_bn(rest: str) -> None:
    text = """
        %x = input() channels=2 height=4 width=4
        %conv = conv2d(%x) channels=2 kernel=1x1
        %bn = batch_norm(%conv)
    """
    assert unchanged(PASS, text + rest)


@pytest.mark.parametrize("parts", ["%conv, %x", "%conv, %conv"])
def test_a_concat_of_anything_else_keeps_its_bn(parts: str) -> None:
    text = f"""
        %x = input() channels=2 height=4 width=4
        %conv = conv2d(%x) channels=2 kernel=1x1
        %concat = concat({parts})
        %bn = batch_norm(%concat)
        return y = %bn
    """
    assert unchanged(PASS, text)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_by_hand_in_the_precision_of_the_parameters(dtype: type) -> None:
    graph = parse(
        """
        %x = input() channels=1 height=2 width=2
        %conv = conv2d(%x) channels=2 kernel=1x1
        %bn = batch_norm(%conv) epsilon=0.25
        return y = %bn
        """
    )
    arrays = {
        "conv.weight": np.array([1, 2], dtype).reshape(2, 1, 1, 1),
        "bn.weight": np.array([3, 4], dtype),
        "bn.bias": np.array([5, 6], dtype),
        "bn.running_mean": np.array([7, 8], dtype),
        "bn.running_var": np.array([2, 6], dtype),  # with epsilon: deviations of 1.5 and 2.5
    }
    _, folded = PASS.run(graph, Parameters.of(arrays))
    assert {name: folded[name].dtype for name in folded} == {"conv.weight": dtype, "conv.bias": dtype}
    np.testing.assert_allclose(folded["conv.weight"].ravel(), [1 * 3 / 1.5, 2 * 4 / 2.5], rtol=1e-6)
    np.testing.assert_allclose(folded["conv.bias"], [5 - 7 * 3 / 1.5, 6 - 8 * 4 / 2.5], rtol=1e-6)

"""merge-summed-chains: edges that are built alike are computed side by side, and their sum inside the last of them."""

import numpy as np
import pytest

from genocc.passes import PASSES, Parameters
from genocc.passes.pad_channels import PadChannels
from tests.graph_text import parse
from tests.passes.rewriting import lines, rewrite, unchanged

PASS = PASSES["merge-summed-chains"]

SEPARABLE = """
    %x = input() channels=8 height=2 width=2
    %s0 = conv2d(%x) channels=8 kernel=1x1
    %s1 = max_pool(%s0) kernel=3 padding=1
    %r0 = relu(%s0)
    %r1 = relu(%s1)
    %a.dw1 = conv2d(%r0) channels=8 kernel=3x3 pads=1x1x1x1 groups=8
    %a.pw1 = conv2d(%a.dw1) channels=8 kernel=1x1 bias=True
    %a.relu = relu(%a.pw1)
    %a.dw2 = conv2d(%a.relu) channels=8 kernel=3x3 pads=1x1x1x1 groups=8
    %a.pw2 = conv2d(%a.dw2) channels=8 kernel=1x1 bias=True
    %b.dw1 = conv2d(%r1) channels=8 kernel={kernel} pads={pads} groups=8
    %b.pw1 = conv2d(%b.dw1) channels=8 kernel=1x1 bias=True
    %b.relu = relu(%b.pw1)
    %b.dw2 = conv2d(%b.relu) channels=8 kernel={kernel} pads={pads} groups=8
    %b.pw2 = conv2d(%b.dw2) channels=8 kernel=1x1 bias=True
    %n = add(%a.pw2, %b.pw2)
    return y = %n
    return z = %r0
    return w = %r1
"""


def test_two_separable_edges() -> None:
    assert rewrite(PASS, SEPARABLE.format(kernel="3x3", pads="1x1x1x1")) == lines(
        """
        %x = input() channels=8 height=2 width=2 : (N, 8, 2, 2)
        %s0 = conv2d(%x) channels=8 kernel=1x1 : (N, 8, 2, 2)
        %s1 = max_pool(%s0) kernel=3 padding=1 : (N, 8, 2, 2)
        %r0 = relu(%s0) : (N, 8, 2, 2)
        %r1 = relu(%s1) : (N, 8, 2, 2)
        %a.pw2.merged.concat = concat(%r0, %r1) : (N, 16, 2, 2)
        %a.dw1.merged = conv2d(%a.pw2.merged.concat) channels=16 kernel=3x3 pads=1x1x1x1 groups=16 : (N, 16, 2, 2)
        %a.pw1.merged = conv2d(%a.dw1.merged) channels=16 kernel=1x1 groups=2 bias=True : (N, 16, 2, 2)
        %a.relu.merged = relu(%a.pw1.merged) : (N, 16, 2, 2)
        %a.dw2.merged = conv2d(%a.relu.merged) channels=16 kernel=3x3 pads=1x1x1x1 groups=16 : (N, 16, 2, 2)
        %n = conv2d(%a.dw2.merged) channels=8 kernel=1x1 bias=True : (N, 8, 2, 2)
        return y = %n
        return z = %r0
        return w = %r1
        """
    )


def test_kernels_grow_to_the_larger_one() -> None:
    text = rewrite(PASS, SEPARABLE.format(kernel="5x5", pads="2x2x2x2"))
    assert text.count("channels=16 kernel=5x5 pads=2x2x2x2 groups=16") == 2
    assert "kernel=3x3" not in text


def test_the_taps_of_a_dilated_kernel_are_written_out() -> None:
    graph = parse(
        """
        %x = input() channels=8 height=2 width=2
        %a.dw = conv2d(%x) channels=8 kernel=5x5 pads=2x2x2x2 groups=8
        %a.pw = conv2d(%a.dw) channels=8 kernel=1x1
        %b.dw = conv2d(%x) channels=8 kernel=3x3 pads=2x2x2x2 dilation=2 groups=8
        %b.pw = conv2d(%b.dw) channels=8 kernel=1x1
        %n = add(%a.pw, %b.pw)
        return y = %n
        """
    )
    arrays = {name: np.random.default_rng(0).standard_normal(shape) for name, shape in graph.parameters().items()}
    _, parameters = PASS.run(graph, Parameters.of(arrays))
    window = parameters["a.dw.merged.weight"]
    np.testing.assert_array_equal(window[:8], arrays["a.dw.weight"])
    np.testing.assert_array_equal(window[8:, :, ::2, ::2], arrays["b.dw.weight"])
    assert np.count_nonzero(window[8:]) == 8 * 9


@pytest.mark.parametrize(
    "text",
    [
        SEPARABLE.format(kernel="7x7", pads="3x3x3x3"),  # rule 4 goes to 5x5 only
        SEPARABLE.format(kernel="3x3", pads="1x1x1x1").replace("height=2 width=2", "height=12 width=12"),
        SEPARABLE.format(kernel="3x3", pads="1x1x1x1").replace("return z = %r0", "return z = %a.pw2"),
        SEPARABLE.format(kernel="3x3", pads="1x1x1x1").replace("%n = add(%a.pw2", "%n = add(%b.pw2"),
    ],
    ids=["unlike", "large", "read elsewhere", "twice the same"],
)
def test_what_stays(text: str) -> None:
    assert unchanged(PASS, text)


def test_padding_fills_each_group() -> None:
    text = """
        %x = input() channels=3 height=2 width=2
        %s0 = conv2d(%x) channels=6 kernel=1x1
        %s1 = conv2d(%x) channels=6 kernel=1x1
        %c = concat(%s0, %s1)
        %g = conv2d(%c) channels=12 kernel=1x1 groups=2
        %mean = global_mean(%g)
        %y = linear(%mean) features=2
        return y = %y
    """
    padded = rewrite(PadChannels(growth=10.0), text)
    assert "%g = conv2d(%c) channels=32 kernel=1x1 groups=2 : (N, 32, 2, 2)" in padded.splitlines()

"""pad-channels: channels of zeros up to whole blocks, exactly where they are needed."""

from __future__ import annotations

from math import inf, prod

import numpy as np
import pytest

import genocc
from genocc import Graph, NetworkConfig, lower
from genocc.passes import PASSES, Parameters, run_passes, select
from genocc.passes.pad_channels import PadChannels
from tests.graph_text import parse
from tests.passes.rewriting import lines, rewrite, unchanged
from tests.reference import random_parameters

PASS = PadChannels(block=4, lanes=2, growth=inf)


def test_a_net_from_image_to_logits() -> None:
    text = """
        %x = input() channels=3 height=4 width=4
        %a.conv = conv2d(%x) channels=3 kernel=3x3 pads=1x1x1x1 bias=True
        %a.pool = avg_pool(%a.conv) kernel=3 padding=1
        %b.dw = conv2d(%a.pool) channels=3 kernel=3x3 pads=1x1x1x1 groups=3
        %b.pw = conv2d(%b.dw) channels=3 kernel=1x1
        %b.bn = batch_norm(%b.pw)
        %add = add(%b.bn, %a.conv)
        %c.conv = conv2d(%add) channels=5 kernel=1x1
        %d.conv = conv2d(%c.conv) channels=2 kernel=1x1
        %concat = concat(%add, %d.conv)
        %mean = global_mean(%concat)
        %linear = linear(%mean) features=2
        return logits = %linear
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=3 height=4 width=4 : (N, 3, 4, 4)
        %a.conv = conv2d(%x) channels=4 kernel=3x3 pads=1x1x1x1 bias=True : (N, 4, 4, 4)
        %a.pool = avg_pool(%a.conv) kernel=3 padding=1 : (N, 4, 4, 4)
        %b.dw = conv2d(%a.pool) channels=4 kernel=3x3 pads=1x1x1x1 groups=4 : (N, 4, 4, 4)
        %b.pw = conv2d(%b.dw) channels=4 kernel=1x1 : (N, 4, 4, 4)
        %b.bn = batch_norm(%b.pw) : (N, 4, 4, 4)
        %add = add(%b.bn, %a.conv) : (N, 4, 4, 4)
        %c.conv = conv2d(%add) channels=6 kernel=1x1 : (N, 6, 4, 4)
        %d.conv = conv2d(%c.conv) channels=4 kernel=1x1 : (N, 4, 4, 4)
        %concat = concat(%add, %d.conv) : (N, 8, 4, 4)
        %mean = global_mean(%concat) : (N, 8)
        %linear = linear(%mean) features=2 : (N, 2)
        return logits = %linear
        """
    )


def test_groups_that_read_several_channels_each_are_not_depthwise() -> None:
    """As many groups as output channels, and twice as many input channels."""
    text = """
        %x = input() channels=3 height=4 width=4
        %a.conv = conv2d(%x) channels=6 kernel=1x1
        %b.conv = conv2d(%a.conv) channels=3 kernel=3x3 pads=1x1x1x1 groups=3
        %c.pool = max_pool(%b.conv) kernel=3 padding=1
        %d.mean = global_mean(%c.pool)
        %e.linear = linear(%d.mean) features=2
        return y = %e.linear
    """
    assert "channels=12 kernel=3x3 pads=1x1x1x1 groups=3 : (N, 12, 4, 4)" in rewrite(PASS, text)


def test_halves_of_a_factorized_reduce_are_summed_where_others_expect_the_zeros_at_the_end() -> None:
    text = """
        %x = input() channels=3 height=4 width=4
        %a.conv1 = conv2d(%x) channels=1 kernel=1x1 stride=2x2 bias=True
        %a.conv2 = conv2d(%x) channels=2 kernel=1x1 stride=2x2 bias=True
        %a.concat = concat(%a.conv1, %a.conv2)
        %b.conv = conv2d(%x) channels=3 kernel=1x1 stride=2x2
        %add = add(%a.concat, %b.conv)
        %mean = global_mean(%add)
        %linear = linear(%mean) features=2
        return logits = %linear
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=3 height=4 width=4 : (N, 3, 4, 4)
        %a.conv1 = conv2d(%x) channels=4 kernel=1x1 stride=2x2 bias=True : (N, 4, 2, 2)
        %a.conv2 = conv2d(%x) channels=4 kernel=1x1 stride=2x2 bias=True : (N, 4, 2, 2)
        %a.concat = add(%a.conv1, %a.conv2) : (N, 4, 2, 2)
        %b.conv = conv2d(%x) channels=4 kernel=1x1 stride=2x2 : (N, 4, 2, 2)
        %add = add(%a.concat, %b.conv) : (N, 4, 2, 2)
        %mean = global_mean(%add) : (N, 4)
        %linear = linear(%mean) features=2 : (N, 2)
        return logits = %linear
        """
    )


def test_where_the_zeros_are() -> None:
    graph = parse(
        """
        %x = input() channels=1 height=2 width=2
        %a = conv2d(%x) channels=1 kernel=1x1 bias=True
        %b = conv2d(%x) channels=2 kernel=1x1
        %concat = concat(%a, %b)
        %bn = batch_norm(%concat)
        %c = conv2d(%bn) channels=2 kernel=1x1
        return y = %c
        """
    )
    arrays = {name: np.full_like(array, 7) for name, array in random_parameters(graph).items()}
    padded, parameters = PadChannels(block=2, lanes=1, growth=inf).run(graph, Parameters.of(arrays))
    assert padded.nodes["concat"].shape == (4, 2, 2)
    assert parameters["a.weight"].ravel().tolist() == [7, 0]
    assert parameters["a.bias"].tolist() == [7, 0]
    assert parameters["b.weight"].ravel().tolist() == [7, 7]
    assert parameters["bn.weight"].tolist() == parameters["bn.bias"].tolist() == [7, 0, 7, 7]
    assert parameters["bn.running_mean"].tolist() == [7, 0, 7, 7]
    assert parameters["bn.running_var"].tolist() == [7, 1, 7, 7]
    assert parameters["c.weight"][..., 0, 0].tolist() == [[7, 0, 7, 7], [7, 0, 7, 7]]


def test_slices_of_one_convolution_are_padded_one_by_one() -> None:
    text = """
        %x = input() channels=2 height=4 width=4
        %merged = conv2d(%x) channels=8 kernel=1x1
        %a = slice(%merged) start=0 stop=3
        %b = slice(%merged) start=3 stop=8
        %c = conv2d(%a) channels=1 kernel=1x1
        %d = conv2d(%b) channels=1 kernel=1x1
        return c = %c
        return d = %d
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=2 height=4 width=4 : (N, 2, 4, 4)
        %merged = conv2d(%x) channels=12 kernel=1x1 : (N, 12, 4, 4)
        %a = slice(%merged) start=0 stop=4 : (N, 4, 4, 4)
        %b = slice(%merged) start=4 stop=12 : (N, 8, 4, 4)
        %c = conv2d(%a) channels=1 kernel=1x1 : (N, 1, 4, 4)
        %d = conv2d(%b) channels=1 kernel=1x1 : (N, 1, 4, 4)
        return c = %c
        return d = %d
        """
    )


@pytest.mark.parametrize(
    "rest",
    [
        "return y = %pool",  # an output
        "%add = add(%pool, %x)\n %c = conv2d(%add) channels=2 kernel=1x1\n return y = %c",  # added to the image
        "%c = conv2d(%pool) channels=6 kernel=1x1 groups=3\n return y = %c",  # neither dense nor depthwise
        "%c = softmax(%pool)\n return y = %c",
    ],
)
def test_what_cannot_be_padded_stays(rest: str) -> None:
    text = """
        %x = input() channels=3 height=4 width=4
        %a = conv2d(%x) channels=3 kernel=1x1
        %pool = max_pool(%a) kernel=3 padding=1
    """
    assert unchanged(PASS, text + rest)


def test_a_net_that_would_grow_too_much_is_padded_less_or_not_at_all() -> None:
    def grown(channels: int, **arguments: float) -> tuple[float, set[int]]:
        genotype = genocc.load("zoo:nasnet")
        graph = lower(genotype, NetworkConfig.make(channels=channels, layers=6, input_size=(8, 8)))
        passes = [*select(["fold-batch-norm", "split-concat"], PASSES), PadChannels(**arguments)]
        folded, _ = run_passes(graph, Parameters.absent(graph), passes[:-1])
        padded, _ = run_passes(graph, Parameters.absent(graph), passes)
        pools = {node.shape[0] % 16 for node in padded.nodes.values() if node.primitive.kind.endswith("pool")}
        return size(padded) / size(folded), pools

    assert grown(36) == (pytest.approx(1.13, abs=0.07), {0})
    assert grown(18) == (pytest.approx(1.02, abs=0.02), {4, 8})  # 20, 36, 72: multiples of 4
    assert grown(18, growth=inf) == (pytest.approx(1.6, abs=0.3), {0})
    assert grown(2, growth=1.1) == (1, {2, 4, 8})
    assert grown(36, growth=1.0) == (1, {4, 8, 0})


def size(graph: Graph) -> int:
    return sum(map(prod, graph.parameters().values()))

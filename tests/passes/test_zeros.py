"""Zeros: what they add is not computed, and what they widen is cut (see `remove-dead-code`)."""

from genocc.passes import PASSES
from tests.passes.rewriting import lines, rewrite, unchanged

PASS = PASSES["remove-dead-code"]


def test_what_keeps_zeros_goes_and_a_concat_with_a_zero_is_cut() -> None:
    text = """
        %x = input() channels=2 height=5 width=5
        %zero = zero(%x) channels=2
        %pool = avg_pool(%zero) kernel=3 padding=1
        %sum = add(%x, %pool, %zero)
        %concat = concat(%zero, %sum, %zero)
        %relu = relu(%concat)
        %conv = conv2d(%relu) channels=3 kernel=1x1 stride=2x2 bias=True
        %shift = shift_pad(%relu)
        %other = conv2d(%shift) channels=3 kernel=1x1
        %mean = global_mean(%concat)
        %linear = linear(%mean) features=4
        return a = %conv
        return b = %other
        return c = %linear
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=2 height=5 width=5 : (N, 2, 5, 5)
        %relu.nonzero = relu(%x) : (N, 2, 5, 5)
        %conv = conv2d(%relu.nonzero) channels=3 kernel=1x1 stride=2x2 bias=True : (N, 3, 3, 3)
        %shift.nonzero = shift_pad(%relu.nonzero) : (N, 2, 5, 5)
        %other = conv2d(%shift.nonzero) channels=3 kernel=1x1 : (N, 3, 5, 5)
        %mean.nonzero = global_mean(%x) : (N, 2)
        %linear = linear(%mean.nonzero) features=4 : (N, 4)
        return a = %conv
        return b = %other
        return c = %linear
        """
    )


def test_zeros_before_what_is_kept_are_cut_from_a_concat_of_concats() -> None:
    text = """
        %x = input() channels=2 height=5 width=5
        %zero = zero(%x) channels=1
        %inner = concat(%zero, %x)
        %y = relu(%x)
        %outer = concat(%y, %inner, %zero)
        %conv = conv2d(%outer) channels=3 kernel=1x1
        return a = %conv
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=2 height=5 width=5 : (N, 2, 5, 5)
        %y = relu(%x) : (N, 2, 5, 5)
        %outer.nonzero = concat(%y, %x) : (N, 4, 5, 5)
        %conv = conv2d(%outer.nonzero) channels=3 kernel=1x1 : (N, 3, 5, 5)
        return a = %conv
        """
    )


def test_batch_norm_makes_something_of_zeros_that_come_from_the_image_then() -> None:
    text = """
        %x = input() channels=3 height=7 width=7
        %a = conv2d(%x) channels=4 kernel=3x3 stride=2x2 pads=1x1x1x1
        %zero = zero(%a) channels=4 stride=2x2
        %relu = relu(%zero)
        %conv = conv2d(%relu) channels=6 kernel=3x1 stride=2x1 pads=1x0x1x0
        %bn = batch_norm(%conv)
        return y = %bn
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=3 height=7 width=7 : (N, 3, 7, 7)
        %conv = zero(%x) channels=6 stride=8x4 : (N, 6, 1, 2)
        %bn = batch_norm(%conv) : (N, 6, 1, 2)
        return y = %bn
        """
    )


def test_zeros_that_are_returned_or_read_otherwise_stay() -> None:
    text = """
        %x = input() channels=2 height=9 width=9
        %zero = zero(%x) channels=4
        %concat = concat(%x, %zero)
        %bn = batch_norm(%concat)
        %pool = avg_pool(%zero) kernel=5 stride=3
        %conv = conv2d(%zero) channels=2 kernel=1x1 bias=True
        return a = %concat
        return b = %bn
        return c = %pool
        return d = %conv
    """
    assert unchanged(PASS, text)


def test_a_net_of_nothing_but_zeros_is_its_bias() -> None:
    text = """
        %x = input() channels=2 height=5 width=5
        %conv = conv2d(%x) channels=4 kernel=1x1
        %zero = zero(%conv) channels=4
        %concat = concat(%zero, %zero)
        %mean = global_mean(%concat)
        %linear = linear(%mean) features=4
        return y = %linear
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=2 height=5 width=5 : (N, 2, 5, 5)
        %concat = zero(%x) channels=8 : (N, 8, 5, 5)
        %mean = global_mean(%concat) : (N, 8)
        %linear = linear(%mean) features=4 : (N, 4)
        return y = %linear
        """
    )

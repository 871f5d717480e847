"""split-concat: the readers of a concat are split instead of copying its parts together."""

import pytest

from genocc.passes import PASSES
from tests.passes.rewriting import lines, rewrite, unchanged

PASS = PASSES["split-concat"]


def test_convolutions_means_shifts_and_a_part_that_stands_twice() -> None:
    text = """
        %x = input() channels=3 height=7 width=7
        %a.relu = relu(%x)
        %concat = concat(%x, %a.relu, %x)
        %b.conv = conv2d(%concat) channels=2 kernel=1x1 bias=True
        %c.shift = shift_pad(%concat)
        %c.conv = conv2d(%c.shift) channels=2 kernel=1x1 stride=2x2
        %mean = global_mean(%concat)
        return b = %b.conv
        return c = %c.conv
        return mean = %mean
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=3 height=7 width=7 : (N, 3, 7, 7)
        %a.relu = relu(%x) : (N, 3, 7, 7)
        %b.conv.part0 = conv2d(%x) channels=2 kernel=1x1 bias=True : (N, 2, 7, 7)
        %b.conv.part1 = conv2d(%a.relu) channels=2 kernel=1x1 : (N, 2, 7, 7)
        %b.conv = add(%b.conv.part0, %b.conv.part1) : (N, 2, 7, 7)
        %c.shift.part0 = shift_pad(%x) : (N, 3, 7, 7)
        %c.shift.part1 = shift_pad(%a.relu) : (N, 3, 7, 7)
        %c.conv.part0 = conv2d(%c.shift.part0) channels=2 kernel=1x1 stride=2x2 : (N, 2, 4, 4)
        %c.conv.part1 = conv2d(%c.shift.part1) channels=2 kernel=1x1 stride=2x2 : (N, 2, 4, 4)
        %c.conv = add(%c.conv.part0, %c.conv.part1) : (N, 2, 4, 4)
        %mean.part0 = global_mean(%x) : (N, 3)
        %mean.part1 = global_mean(%a.relu) : (N, 3)
        %mean = concat(%mean.part0, %mean.part1, %mean.part0) : (N, 9)
        return b = %b.conv
        return c = %c.conv
        return mean = %mean
        """
    )


def test_a_concat_of_one_value_alone_leaves_one_convolution() -> None:
    text = """
        %x = input() channels=3 height=5 width=5
        %concat = concat(%x, %x)
        %conv = conv2d(%concat) channels=2 kernel=1x1
        return y = %conv
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=3 height=5 width=5 : (N, 3, 5, 5)
        %conv = conv2d(%x) channels=2 kernel=1x1 : (N, 2, 5, 5)
        return y = %conv
        """
    )


@pytest.mark.parametrize(
    ("size", "readers", "splits"),
    [
        ((5, 5), [16], True),  # 25 pixels, 16 outputs
        ((4, 4), [16], False),
        ((5, 5), [3], True),  # counted in sixteens, so that padding changes nothing
        ((4, 4), [3], False),
        ((5, 5), [10, 10], False),
    ],
)
def test_small_maps_are_copied(size: tuple[int, int], readers: list[int], splits: bool) -> None:
    convs = "\n".join(f"%conv{i} = conv2d(%concat) channels={c} kernel=1x1" for i, c in enumerate(readers))
    returns = "\n".join(f"return y{i} = %conv{i}" for i in range(len(readers)))
    text = f"""
        %x = input() channels=2 height={size[0]} width={size[1]}
        %relu = relu(%x)
        %concat = concat(%x, %relu)
        {convs}
        {returns}
    """
    assert unchanged(PASS, text) is not splits


@pytest.mark.parametrize(
    "rest",
    [
        "return z = %concat",
        "%relu = relu(%concat)\n return z = %relu",
        "%dw = conv2d(%concat) channels=4 kernel=3x3 pads=1x1x1x1 groups=4\n return z = %dw",
    ],
)
def test_a_concat_that_is_needed_as_such_stays(rest: str) -> None:
    text = """
        %x = input() channels=2 height=5 width=5
        %pool = max_pool(%x) kernel=3 padding=1
        %concat = concat(%x, %pool)
        %conv = conv2d(%concat) channels=2 kernel=1x1
        return y = %conv
    """
    assert unchanged(PASS, text + rest)

"""depthwise-shift: the pixels of a factorized reduce's second half are picked by a depthwise convolution."""

import pytest

from genocc.passes import PASSES
from tests.passes.rewriting import lines, rewrite, unchanged

PASS = PASSES["depthwise-shift"]


def test_convolutions_of_one_shift_share_it() -> None:
    text = """
        %x = input() channels=2 height=5 width=4
        %a.shift = shift_pad(%x)
        %a.conv2 = conv2d(%a.shift) channels=1 kernel=1x1 stride=2x2
        %b.conv2 = conv2d(%a.shift) channels=3 kernel=1x1 stride=2x2 bias=True
        return a = %a.conv2
        return b = %b.conv2
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=2 height=5 width=4 : (N, 2, 5, 4)
        %a.shift.sampled = conv2d(%x) channels=2 kernel=2x2 stride=2x2 pads=0x0x1x0 groups=2 : (N, 2, 3, 2)
        %a.conv2 = conv2d(%a.shift.sampled) channels=1 kernel=1x1 : (N, 1, 3, 2)
        %b.conv2 = conv2d(%a.shift.sampled) channels=3 kernel=1x1 bias=True : (N, 3, 3, 2)
        return a = %a.conv2
        return b = %b.conv2
        """
    )


@pytest.mark.parametrize(
    "rest",
    [
        "%conv = conv2d(%shift) channels=1 kernel=1x1\n return y = %conv",
        "%conv = conv2d(%shift) channels=1 kernel=3x3 stride=2x2 pads=1x1x1x1\n return y = %conv",
        "%conv = conv2d(%shift) channels=1 kernel=1x1 stride=2x2\n return y = %conv\n return z = %shift",
    ],
)
def test_a_shift_of_which_every_pixel_is_read_stays(rest: str) -> None:
    assert unchanged(PASS, f"%x = input() channels=2 height=5 width=4\n %shift = shift_pad(%x)\n {rest}")

"""merge-summed-convs: a sum of 1x1 convolutions is one."""

import pytest

from genocc.passes import PASSES
from tests.passes.rewriting import lines, rewrite, unchanged

PASS = PASSES["merge-summed-convs"]


def test_sums_of_several_inputs_and_of_one() -> None:
    text = """
        %x = input() channels=3 height=4 width=4
        %relu = relu(%x)
        %a.pw = conv2d(%x) channels=2 kernel=1x1 bias=True
        %b.pw = conv2d(%relu) channels=2 kernel=1x1 bias=True
        %c.conv = conv2d(%relu) channels=2 kernel=3x3 pads=1x1x1x1
        %d.conv = conv2d(%relu) channels=2 kernel=3x3 pads=1x1x1x1 bias=True
        %add = add(%a.pw, %b.pw)
        %all = add(%add, %c.conv, %d.conv)
        return y = %all
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=3 height=4 width=4 : (N, 3, 4, 4)
        %relu = relu(%x) : (N, 3, 4, 4)
        %add.concat = concat(%x, %relu) : (N, 6, 4, 4)
        %add = conv2d(%add.concat) channels=2 kernel=1x1 bias=True : (N, 2, 4, 4)
        %all.merged0 = conv2d(%relu) channels=2 kernel=3x3 pads=1x1x1x1 bias=True : (N, 2, 4, 4)
        %all = add(%all.merged0, %add) : (N, 2, 4, 4)
        return y = %all
        """
    )


def test_sums_of_sums() -> None:
    text = """
        %x = input() channels=3 height=4 width=4
        %relu = relu(%x)
        %a.pw = conv2d(%x) channels=2 kernel=1x1
        %b.pw = conv2d(%relu) channels=2 kernel=1x1
        %c.pw = conv2d(%relu) channels=2 kernel=1x1
        %add = add(%a.pw, %b.pw)
        %all = add(%c.pw, %add)
        return y = %all
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=3 height=4 width=4 : (N, 3, 4, 4)
        %relu = relu(%x) : (N, 3, 4, 4)
        %add.concat = concat(%x, %relu) : (N, 6, 4, 4)
        %all.concat = concat(%relu, %add.concat) : (N, 9, 4, 4)
        %all = conv2d(%all.concat) channels=2 kernel=1x1 : (N, 2, 4, 4)
        return y = %all
        """
    )


@pytest.mark.parametrize(
    "rest",
    [
        "%add = add(%a, %b)\n %c = relu(%a)\n return y = %add\n return z = %c",
        "%add = add(%a, %b)\n return y = %add\n return z = %b",
        "%add = add(%a, %a, %x)\n return y = %add",
        "%d = conv2d(%relu) channels=2 kernel=3x3 pads=1x1x1x1\n %add = add(%a, %d)\n return y = %add",
        "%d = conv2d(%relu) channels=2 kernel=1x1 groups=2\n %add = add(%a, %d)\n return y = %add",
    ],
)
def test_what_is_read_elsewhere_or_of_another_geometry_stays(rest: str) -> None:
    text = """
        %x = input() channels=2 height=4 width=4
        %relu = relu(%x)
        %a = conv2d(%x) channels=2 kernel=1x1
        %b = conv2d(%relu) channels=2 kernel=1x1
    """
    assert unchanged(PASS, text + rest)

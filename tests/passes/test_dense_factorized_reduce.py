"""dense-factorized-reduce: one 2x2 convolution instead of two 1x1 ones, a shift and a concat."""

import pytest

from genocc.passes import PASSES
from tests.passes.rewriting import lines, rewrite, unchanged

PASS = PASSES["dense-factorized-reduce"]


@pytest.mark.parametrize(("size", "pads"), [((5, 4), "0x0x1x0"), ((4, 5), "0x0x0x1"), ((3, 3), "0x0x1x1")])
def test_odd_sizes_are_padded_at_the_end(size: tuple[int, int], pads: str) -> None:
    height, width = size
    out = f"N, 3, {-(-height // 2)}, {-(-width // 2)}"
    text = f"""
        %x = input() channels=2 height={height} width={width}
        %a.conv1 = conv2d(%x) channels=1 kernel=1x1 stride=2x2 bias=True
        %a.shift = shift_pad(%x)
        %a.conv2 = conv2d(%a.shift) channels=2 kernel=1x1 stride=2x2 bias=True
        %a.concat = concat(%a.conv1, %a.conv2)
        return y = %a.concat
    """
    after = f"""
        %x = input() channels=2 height={height} width={width} : (N, 2, {height}, {width})
        %a.concat = conv2d(%x) channels=3 kernel=2x2 stride=2x2 pads={pads} bias=True : ({out})
        return y = %a.concat
    """
    assert rewrite(PASS, text) == lines(after)


def test_even_sizes_need_no_padding_and_the_concat_may_wait_for_its_bn() -> None:
    text = """
        %x = input() channels=2 height=4 width=4
        %a.conv1 = conv2d(%x) channels=1 kernel=1x1 stride=2x2
        %a.shift = shift_pad(%x)
        %a.conv2 = conv2d(%a.shift) channels=1 kernel=1x1 stride=2x2
        %a.concat = concat(%a.conv1, %a.conv2)
        %a.bn = batch_norm(%a.concat)
        return y = %a.bn
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=2 height=4 width=4 : (N, 2, 4, 4)
        %a.concat = conv2d(%x) channels=2 kernel=2x2 stride=2x2 : (N, 2, 2, 2)
        %a.bn = batch_norm(%a.concat) : (N, 2, 2, 2)
        return y = %a.bn
        """
    )


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("%a.shift = shift_pad(%x)", "%a.shift = relu(%x)"),
        ("%a.shift = shift_pad(%x)", "%relu = relu(%x)\n%a.shift = shift_pad(%relu)"),
        ("concat(%a.conv1, %a.conv2)", "concat(%a.conv2, %a.conv1)"),
        ("return y = %a.concat", "return y = %a.concat\nreturn z = %a.conv1"),
        ("%a.conv2 = conv2d(%a.shift) channels=1", "%a.conv2 = conv2d(%a.shift) channels=1 bias=True"),
    ],
)
def test_anything_else_stays(line: str, instead: str) -> None:
    text = """
        %x = input() channels=2 height=4 width=4
        %a.conv1 = conv2d(%x) channels=1 kernel=1x1 stride=2x2
        %a.shift = shift_pad(%x)
        %a.conv2 = conv2d(%a.shift) channels=1 kernel=1x1 stride=2x2
        %a.concat = concat(%a.conv1, %a.conv2)
        return y = %a.concat
    """
    assert line in text
    assert unchanged(PASS, text.replace(line, instead))

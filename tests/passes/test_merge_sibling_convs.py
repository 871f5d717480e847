"""merge-sibling-convs: convolutions of one value and one geometry are one wider convolution."""

from genocc.passes import PASSES
from tests.passes.rewriting import lines, rewrite, unchanged

PASS = PASSES["merge-sibling-convs"]


def test_dense_and_depthwise() -> None:
    text = """
        %x = input() channels=4 height=5 width=5
        %a.dw = conv2d(%x) channels=4 kernel=3x3 pads=1x1x1x1 groups=4
        %a.pw = conv2d(%x) channels=2 kernel=1x1 bias=True
        %b.dw = conv2d(%x) channels=4 kernel=3x3 pads=1x1x1x1 groups=4
        %b.pw = conv2d(%x) channels=3 kernel=1x1
        %c.dw = conv2d(%x) channels=4 kernel=3x3 pads=2x2x2x2 dilation=2 groups=4
        %concat = concat(%a.dw, %a.pw, %b.dw, %b.pw, %c.dw)
        return y = %concat
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=4 height=5 width=5 : (N, 4, 5, 5)
        %a.dw.repeated = concat(%x, %x) : (N, 8, 5, 5)
        %a.dw.merged = conv2d(%a.dw.repeated) channels=8 kernel=3x3 pads=1x1x1x1 groups=8 : (N, 8, 5, 5)
        %a.dw = slice(%a.dw.merged) start=0 stop=4 : (N, 4, 5, 5)
        %b.dw = slice(%a.dw.merged) start=4 stop=8 : (N, 4, 5, 5)
        %a.pw.merged = conv2d(%x) channels=5 kernel=1x1 bias=True : (N, 5, 5, 5)
        %a.pw = slice(%a.pw.merged) start=0 stop=2 : (N, 2, 5, 5)
        %b.pw = slice(%a.pw.merged) start=2 stop=5 : (N, 3, 5, 5)
        %c.dw = conv2d(%x) channels=4 kernel=3x3 pads=2x2x2x2 dilation=2 groups=4 : (N, 4, 5, 5)
        %concat = concat(%a.dw, %a.pw, %b.dw, %b.pw, %c.dw) : (N, 17, 5, 5)
        return y = %concat
        """
    )


def test_families_of_one_value_and_one_size_share_its_copies() -> None:
    text = """
        %x = input() channels=2 height=5 width=5
        %a = conv2d(%x) channels=2 kernel=3x3 pads=1x1x1x1 groups=2
        %b = conv2d(%x) channels=2 kernel=3x3 pads=1x1x1x1 groups=2
        %c = conv2d(%x) channels=2 kernel=5x5 pads=2x2x2x2 groups=2
        %d = conv2d(%x) channels=2 kernel=5x5 pads=2x2x2x2 groups=2
        %add = add(%a, %b, %c, %d)
        return y = %add
    """
    assert [line for line in rewrite(PASS, text).splitlines() if "concat(" in line] == [
        "%a.repeated = concat(%x, %x) : (N, 4, 5, 5)"
    ]


def test_other_values_and_other_geometries_stay() -> None:
    text = """
        %x = input() channels=2 height=5 width=5
        %relu = relu(%x)
        %a = conv2d(%x) channels=2 kernel=1x1
        %b = conv2d(%relu) channels=2 kernel=1x1
        %c = conv2d(%x) channels=2 kernel=3x3 pads=1x1x1x1
        %d = conv2d(%x) channels=2 kernel=3x3 pads=1x1x1x1 groups=2
        %e = conv2d(%x) channels=2 kernel=1x1 stride=2x2
        %add = add(%a, %b, %c, %d)
        return y = %add
        return z = %e
    """
    assert unchanged(PASS, text)

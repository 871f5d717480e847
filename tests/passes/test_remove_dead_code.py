"""remove-dead-code: what no output depends on goes."""

from genocc.passes import PASSES
from tests.passes.rewriting import lines, rewrite, unchanged

PASS = PASSES["remove-dead-code"]


def test_branches_without_a_reader_go_from_their_end_on() -> None:
    text = """
        %x = input() channels=2 height=3 width=3
        %a = relu(%x)
        %b = conv2d(%a) channels=4 kernel=1x1
        %c = relu(%b)
        %d = max_pool(%a) kernel=3 padding=1
        return y = %d
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=2 height=3 width=3 : (N, 2, 3, 3)
        %a = relu(%x) : (N, 2, 3, 3)
        %d = max_pool(%a) kernel=3 padding=1 : (N, 2, 3, 3)
        return y = %d
        """
    )


def test_all_that_is_read_or_returned_stays() -> None:
    text = """
        %x = input() channels=2 height=3 width=3
        %a = relu(%x)
        %b = max_pool(%a) kernel=3 padding=1
        return y = %b
        return z = %a
    """
    assert unchanged(PASS, text)
